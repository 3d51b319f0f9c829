//! The current token, fetched by one caller while all others wait for it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Token, TokenError};

/// Holds at most one token. Failures are told to everyone who waited for them, and not kept beyond that.
#[derive(Default)]
pub(super) struct Cache {
    current: Mutex<Option<Token>>,
    /// Held while a token is fetched; the failure of the last flight, with its number.
    flight: tokio::sync::Mutex<Option<(u64, TokenError)>>,
    /// How many flights have come to an end.
    landed: AtomicU64,
}

impl Cache {
    /// The current token while it is fresh, else what `fetch` brings.
    ///
    /// Whoever is dropped while fetching leaves the work to the next who waits.
    pub(super) async fn get<F>(
        &self,
        now: impl Fn() -> Instant,
        fetch: F,
    ) -> Result<Token, TokenError>
    where
        F: AsyncFnOnce() -> Result<Token, TokenError>,
    {
        if let Some(token) = self.fresh(now()) {
            return Ok(token);
        }
        let seen = self.landed.load(Ordering::Acquire);
        let mut failure = self.flight.lock().await;
        if let Some(token) = self.fresh(now()) {
            return Ok(token);
        }
        if let Some((number, error)) = &*failure
            && *number > seen
        {
            return Err(error.clone());
        }
        let fetched = fetch().await;
        let number = self.landed.fetch_add(1, Ordering::AcqRel) + 1;
        match &fetched {
            Ok(token) => {
                *self.current() = Some(token.clone());
                *failure = None;
            }
            Err(error) => *failure = Some((number, error.clone())),
        }
        fetched
    }

    /// Forgets this token, unless another has already taken its place.
    pub(super) fn reject(&self, token: &Token) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|held| held.is_same(token)) {
            *current = None;
        }
    }

    fn fresh(&self, now: Instant) -> Option<Token> {
        self.current()
            .as_ref()
            .filter(|token| token.is_fresh(now))
            .cloned()
    }

    fn current(&self) -> MutexGuard<'_, Option<Token>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn token(text: &str, fetched: Instant) -> Token {
        Token::new(text.into(), Duration::from_secs(120), fetched)
    }

    fn garbled() -> TokenError {
        TokenError::Garbled {
            host: "localhost".into(),
            reason: "for the test",
        }
    }

    #[tokio::test]
    async fn a_token_is_fetched_again_when_it_is_no_longer_fresh() {
        let cache = Cache::default();
        let start = Instant::now();
        let later = start + Duration::from_secs(90);
        let first = cache.get(|| start, async || Ok(token("1", start))).await;
        assert_eq!(first.unwrap().expose(), "1");
        let soon = cache
            .get(|| start + Duration::from_secs(89), async || Err(garbled()))
            .await;
        assert_eq!(soon.unwrap().expose(), "1");
        let second = cache.get(|| later, async || Ok(token("2", later))).await;
        assert_eq!(second.unwrap().expose(), "2");
    }

    #[tokio::test]
    async fn a_failure_reaches_all_who_waited_and_nobody_after_them() {
        let cache = Cache::default();
        let fetches = AtomicU64::new(0);
        let fail = async || {
            fetches.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Err(garbled())
        };
        let all = futures::future::join_all((0..100).map(|_| cache.get(Instant::now, fail))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(fetches.load(Ordering::Relaxed), 1);

        let next = cache
            .get(Instant::now, async || Ok(token("1", Instant::now())))
            .await;
        assert_eq!(next.unwrap().expose(), "1");
    }

    #[tokio::test]
    async fn a_caller_who_gives_up_leaves_the_fetching_to_the_next() {
        let cache = Cache::default();
        let mut stuck = Box::pin(cache.get(Instant::now, async || {
            std::future::pending::<()>().await;
            Err(garbled())
        }));
        assert!(futures::poll!(&mut stuck).is_pending());
        drop(stuck);
        let next = cache
            .get(Instant::now, async || Ok(token("1", Instant::now())))
            .await;
        assert_eq!(next.unwrap().expose(), "1");
    }

    #[tokio::test]
    async fn an_old_token_rejected_late_does_not_take_the_new_one_along() {
        let cache = Cache::default();
        let now = Instant::now();
        let old = cache
            .get(|| now, async || Ok(token("old", now)))
            .await
            .unwrap();
        cache.reject(&old);
        let new = cache
            .get(|| now, async || Ok(token("new", now)))
            .await
            .unwrap();
        cache.reject(&old);
        let kept = cache.get(|| now, async || Err(garbled())).await.unwrap();
        assert!(kept.is_same(&new));
    }
}
