//! The token of a source that has one made on demand, asked for once for all who wait, and not again and again.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::{Token, TokenError};

/// A cache for sources that may have no fresher token than the one they gave: such a one is used to its end.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    cache: Cache,
    /// The last token, and when it came.
    last: Mutex<Option<(Token, Instant)>>,
}

type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>>;

/// So long a source is left alone, when it has given a token that is about to expire.
const PATIENCE: Duration = Duration::from_secs(5);

impl Keeper {
    pub(super) async fn token<'a>(
        &self,
        now: impl Fn() -> Instant + Send + Copy,
        fetch: impl FnOnce() -> Fetching<'a> + Send,
    ) -> Result<Token, TokenError> {
        self.cache
            .get(now, async || self.next(now(), fetch).await)
            .await
    }

    pub(super) fn reject(&self, token: &Token) {
        let mut last = self.last();
        if last.as_ref().is_some_and(|(last, _)| last.is_same(token)) {
            *last = None;
        }
        drop(last);
        self.cache.reject(token);
    }

    async fn next<'a>(
        &self,
        now: Instant,
        fetch: impl FnOnce() -> Fetching<'a>,
    ) -> Result<Token, TokenError> {
        let alive = self
            .last()
            .clone()
            .filter(|(token, _)| token.time_left() != Some(Duration::ZERO));
        if let Some((token, came)) = &alive
            && now.saturating_duration_since(*came) < PATIENCE
        {
            return Ok(token.clone());
        }
        match (fetch().await, alive) {
            (Ok(token), _) => {
                *self.last() = Some((token.clone(), now));
                Ok(token)
            }
            (Err(error), Some((token, _))) => {
                tracing::warn!(%error, "the token that is about to expire is used");
                *self.last() = Some((token.clone(), now));
                Ok(token)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<(Token, Instant)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::SourceError;
    use super::*;

    #[tokio::test]
    async fn a_token_about_to_expire_is_used_to_its_end_without_asking_each_time() {
        let keeper = Keeper::default();
        let asked = AtomicU64::new(0);
        let start = Instant::now();
        // Twenty seconds left of an hour: never fresh again, and the source has no other.
        let old = Token::new(
            "t".into(),
            Duration::from_secs(3600),
            start.checked_sub(Duration::from_secs(3580)).unwrap(),
        );
        let fetch = || -> Fetching<'_> {
            asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(std::future::ready(Ok(old.clone())))
        };
        for _ in 0..100 {
            assert!(keeper.token(|| start, fetch).await.is_ok());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        let later = start + Duration::from_secs(6);
        let fail = || -> Fetching<'_> {
            asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(std::future::ready(Err(SourceError::Generator {
                status: 500,
                message: String::new(),
            }
            .into())))
        };
        for _ in 0..100 {
            assert!(
                keeper.token(|| later, fail).await.is_ok(),
                "the old one lives"
            );
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        keeper.reject(&old);
        assert!(keeper.token(|| later, fail).await.is_err());
    }
}
