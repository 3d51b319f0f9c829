//! Current tokens, each fetched by one caller while all others wait for it, or use the old one as long as it is good.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Delegation, Token, TokenError};

/// Tokens for everything that has asked so far. Copies share them; they are gone when the last copy is.
#[derive(Debug, Clone, Default)]
pub struct TokenCache(Arc<Mutex<HashMap<CacheKey, Arc<Cache>>>>);

/// What makes two tokens interchangeable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CacheKey {
    pub(super) authority: String,
    pub(super) client_id: String,
    /// The `kid`, or the certificate.
    pub(super) identity: String,
    /// Sorted, each once.
    pub(super) scopes: Vec<String>,
    pub(super) delegation: Delegation,
    /// Where it was exchanged, if it was.
    pub(super) exchange: Option<String>,
}

impl TokenCache {
    /// The place for this kind of token.
    pub(super) fn place(&self, key: CacheKey) -> Arc<Cache> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(key).or_default())
    }
}

/// Holds at most one token. Failures are told to everyone who waited for them, and not kept beyond that.
#[derive(Default)]
pub(super) struct Cache {
    current: Mutex<Option<Token>>,
    /// Held while a token is fetched; the failure of the last flight, with its number.
    flight: tokio::sync::Mutex<Option<(u64, TokenError)>>,
    /// How many flights have come to an end.
    landed: AtomicU64,
    renewal: Mutex<Renewal>,
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
        match self.current_if(|token| token.is_fresh(now())) {
            Some(token) => Ok(token),
            // Boxed, so that the many who have a token already do not carry the way to one about.
            None => Box::pin(self.fly(|token| token.is_fresh(now()), fetch)).await,
        }
    }

    /// Fetches the next token while the current one is in use. To be called by whoever got a `Ticket`.
    pub(super) async fn renew<F>(
        &self,
        now: impl Fn() -> Instant,
        fetch: F,
    ) -> Result<Token, TokenError>
    where
        F: AsyncFnOnce() -> Result<Token, TokenError>,
    {
        self.fly(|token| !token.is_aging(now()), fetch).await
    }

    /// The right to renew: given to one at a time, and after that not for some seconds, so that a failure is not repeated with every letter.
    pub(super) fn ticket(self: &Arc<Self>, now: Instant) -> Option<Ticket> {
        let mut renewal = self.renewal.lock().unwrap_or_else(PoisonError::into_inner);
        if renewal.running || renewal.again.is_some_and(|again| now < again) {
            return None;
        }
        *renewal = Renewal {
            running: true,
            again: Some(now + PAUSE),
        };
        Some(Ticket(Arc::clone(self)))
    }

    /// Forgets this token, unless another has already taken its place.
    pub(super) fn reject(&self, token: &Token) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|held| held.is_same(token)) {
            *current = None;
        }
    }

    /// One flight at a time; none when another has brought what is good enough.
    async fn fly<F>(
        &self,
        is_enough: impl Fn(&Token) -> bool,
        fetch: F,
    ) -> Result<Token, TokenError>
    where
        F: AsyncFnOnce() -> Result<Token, TokenError>,
    {
        let seen = self.landed.load(Ordering::Acquire);
        let mut failure = self.flight.lock().await;
        if let Some(token) = self.current_if(is_enough) {
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

    fn current_if(&self, fits: impl Fn(&Token) -> bool) -> Option<Token> {
        self.current().as_ref().filter(|token| fits(token)).cloned()
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

/// The right to renew, until it is dropped.
#[derive(Debug)]
pub(super) struct Ticket(Arc<Cache>);

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut renewal = self
            .0
            .renewal
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        renewal.running = false;
    }
}

#[derive(Debug, Default)]
struct Renewal {
    running: bool,
    /// When the next may begin.
    again: Option<Instant>,
}

const PAUSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, fetched: Instant) -> Token {
        Token::new(text.into(), Duration::from_secs(120), fetched)
    }

    fn garbled() -> TokenError {
        TokenError::Malformed {
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

    #[tokio::test]
    async fn the_old_token_is_used_while_the_next_one_is_on_its_way() {
        let cache = Arc::new(Cache::default());
        let start = Instant::now();
        let (aging, unusable) = (
            start + Duration::from_secs(60),
            start + Duration::from_secs(90),
        );
        cache
            .get(|| start, async || Ok(token("old", start)))
            .await
            .unwrap();
        let ticket = cache.ticket(aging).unwrap();
        assert!(cache.ticket(aging).is_none(), "one at a time");
        let (arrive, arrived) = tokio::sync::oneshot::channel::<()>();
        let mut renewal = Box::pin(cache.renew(
            || aging,
            async || {
                let _ = arrived.await;
                Ok(token("new", aging))
            },
        ));
        assert!(futures::poll!(&mut renewal).is_pending());
        let used = cache.get(|| aging, async || Err(garbled())).await;
        assert_eq!(used.unwrap().expose(), "old");

        // Only when the old one is no longer good does anybody wait, and for the same flight.
        let mut late = Box::pin(cache.get(|| unusable, async || Err(garbled())));
        assert!(futures::poll!(&mut late).is_pending());
        arrive.send(()).unwrap();
        assert_eq!(renewal.await.unwrap().expose(), "new");
        assert_eq!(late.await.unwrap().expose(), "new");
        drop(ticket);
    }

    #[tokio::test]
    async fn a_renewal_that_failed_is_not_begun_again_at_once() {
        let cache = Arc::new(Cache::default());
        let now = Instant::now();
        drop(cache.ticket(now).unwrap());
        assert!(cache.ticket(now + Duration::from_secs(4)).is_none());
        assert!(cache.ticket(now + Duration::from_secs(5)).is_some());
    }

    #[test]
    fn tokens_are_shared_by_those_who_ask_for_the_same_and_nobody_else() {
        let cache = TokenCache::default();
        let key = |change: fn(&mut CacheKey)| {
            let mut key = CacheKey {
                authority: "https://maskinporten.no".into(),
                client_id: "c".into(),
                identity: "kid".into(),
                scopes: vec!["a".into(), "b".into()],
                delegation: Delegation::default(),
                exchange: None,
            };
            change(&mut key);
            key
        };
        let first = cache.place(key(|_| {}));
        assert!(Arc::ptr_eq(&first, &cache.clone().place(key(|_| {}))));
        for change in [
            (|key| key.authority.push('x')) as fn(&mut CacheKey),
            |key| key.client_id.push('x'),
            |key| key.identity.push('x'),
            |key| key.scopes.push("c".into()),
            |key| key.delegation.consumer_org = Some("310244007".into()),
            |key| key.delegation.resource.push("x".into()),
            |key| key.exchange = Some("https://x".into()),
        ] {
            assert!(!Arc::ptr_eq(&first, &cache.place(key(change))));
        }
    }
}
