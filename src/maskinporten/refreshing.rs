//! A cached token that is fetched when it is needed and again before it expires. One caller fetches; the others use the old token or wait for the new one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Token, TokenError, TokenFuture, TokenSource};

/// A cached token and its source. Clones share both.
#[derive(Clone)]
pub(super) struct Refreshing(Arc<Shared>);

struct Shared {
    fetch: Box<dyn Fn() -> TokenFuture<'static> + Send + Sync>,
    state: Mutex<State>,
    /// The error of the last fetch, if it failed. The lock is held during a fetch, so that there is one at a time.
    failure: tokio::sync::Mutex<Option<TokenError>>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The number of fetches that have ended, by which a waiting caller sees that another one has fetched meanwhile.
    fetches: u64,
    renewing: bool,
    /// Set when the last fetch brought no fresh token: while the old one is alive, no fetch starts before this time.
    pause_until: Option<Instant>,
}

/// The pause after a fetch that brought no fresh token, so that a failing source is not asked again for every letter.
const PAUSE: Duration = Duration::from_secs(5);

/// Makes a source whose tokens come from `fetch`, which is called when no valid token is left, and in the background some time before the current one expires.
pub fn from_fn<F, R>(fetch: F) -> Arc<dyn TokenSource>
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<Token, TokenError>> + Send + 'static,
{
    Arc::new(Refreshing::new(move || Box::pin(fetch())))
}

impl TokenSource for Refreshing {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(self.get())
    }

    fn reject(&self, token: &Token) {
        // Another one may already have taken its place.
        let mut state = self.0.state();
        state.token.take_if(|held| held.is_same(token));
    }
}

impl Refreshing {
    /// Makes a cache that calls `fetch` for its tokens. Fetches nothing yet.
    pub(super) fn new(fetch: impl Fn() -> TokenFuture<'static> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            fetch: Box::new(fetch),
            state: Mutex::default(),
            failure: tokio::sync::Mutex::default(),
        }))
    }

    /// Returns the cached token, or the result of a fetch. A failure is returned to all callers that waited for that fetch, and to no later one.
    ///
    /// When the fetching caller is dropped, the next waiting one fetches instead.
    pub(super) async fn get(&self) -> Result<Token, TokenError> {
        let now = now();
        let fetches = {
            let mut state = self.0.state();
            if let Some(value) = state.usable(now) {
                if value.is_aging(now) && !state.renewing && state.may_fetch(now) {
                    // Set under the lock, so that only one caller starts a background fetch. It goes on with the old token itself: no request waits while a token is valid.
                    state.renewing = true;
                    self.fetch_in_background(state.fetches);
                }
                return Ok(value);
            }
            state.fetches
        };
        // Boxed: most calls return above, and their futures stay small without the state of a fetch.
        Box::pin(self.0.fetch(fetches)).await
    }

    fn fetch_in_background(&self, fetches: u64) {
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            // `fetch` has logged a failure, and the old token is still in use.
            let _ = shared.fetch(fetches).await;
            shared.state().renewing = false;
        });
    }
}

impl Shared {
    /// Fetches, unless a fetch has ended since the caller read the count `counted`: then the result of that one is returned.
    async fn fetch(&self, counted: u64) -> Result<Token, TokenError> {
        let mut failure = self.failure.lock().await;
        {
            let state = self.state();
            if state.fetches != counted {
                match (state.usable(now()), &*failure) {
                    (Some(value), _) => return Ok(value),
                    (None, Some(error)) => return Err(error.clone()),
                    // A token was fetched and refused meanwhile.
                    (None, None) => {}
                }
            }
        }
        // The state is not locked during the fetch: other callers use the old token meanwhile.
        let outcome = (self.fetch)().await;
        let now = now();
        let mut state = self.state();
        // The lock of the failure is still held, so that a waiting caller sees the new count and the new result together.
        state.fetches += 1;
        *failure = None;
        match outcome {
            Ok(value) => {
                // A source may return a token that is about to expire; without a pause every caller would fetch again.
                state.pause_until = (!value.is_fresh(now)).then(|| now + PAUSE);
                state.token = Some(value.clone());
                Ok(value)
            }
            Err(error) => {
                if let Some(value) = state.token.clone().filter(|value| value.is_alive(now)) {
                    tracing::warn!(%error, "the next one cannot be had yet: the old one is used");
                    state.pause_until = Some(now + PAUSE);
                    return Ok(value);
                }
                *failure = Some(error.clone());
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The token, when it can be used without fetching: it is fresh, or alive while fetches pause.
    fn usable(&self, now: Instant) -> Option<Token> {
        let paused = !self.may_fetch(now);
        let value = self.token.as_ref()?;
        let usable = value.is_fresh(now) || paused && value.is_alive(now);
        usable.then(|| value.clone())
    }

    fn may_fetch(&self, now: Instant) -> bool {
        self.pause_until.is_none_or(|until| now >= until)
    }
}

impl fmt::Debug for Refreshing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshing").finish_non_exhaustive()
    }
}

/// The time by the runtime's clock, which tests can control.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::SourceError;
    use super::*;

    type Outcome = Result<Token, &'static str>;

    fn token(text: &str, seconds: u64) -> Token {
        Token::new(text.into(), Duration::from_secs(seconds), now())
    }

    /// A source whose n-th fetch (from 1) has this outcome, after other tasks have had their turn.
    fn source(
        outcome: impl Fn(u64) -> Outcome + Send + Sync + 'static,
    ) -> (Refreshing, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        let outcome = Arc::new(outcome);
        let fetches = Arc::clone(&count);
        let tokens = Refreshing::new(move || {
            let number = fetches.fetch_add(1, Ordering::Relaxed) + 1;
            let outcome = Arc::clone(&outcome);
            Box::pin(async move {
                tokio::task::yield_now().await;
                let error = |error: &str| SourceError::new(error.to_owned(), "").into();
                outcome(number).map_err(error)
            })
        });
        (tokens, count)
    }

    async fn advance(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    async fn text(tokens: &Refreshing) -> Result<String, String> {
        let token = tokens.get().await.map_err(|error| error.to_string())?;
        Ok(token.expose().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_fetched_again_when_it_is_no_longer_fresh() {
        let (tokens, count) = source(|number| Ok(token(&number.to_string(), 120)));
        assert_eq!(text(&tokens).await.unwrap(), "1");
        advance(59).await;
        assert_eq!(text(&tokens).await.unwrap(), "1");
        assert_eq!(count.load(Ordering::Relaxed), 1);
        advance(61).await;
        assert_eq!(text(&tokens).await.unwrap(), "2");
    }

    #[tokio::test(start_paused = true)]
    async fn the_old_value_is_used_while_the_next_one_is_on_its_way() {
        let (tokens, count) = source(|number| Ok(token(&number.to_string(), 120)));
        text(&tokens).await.unwrap();
        advance(60).await;
        for _ in 0..10 {
            assert_eq!(text(&tokens).await.unwrap(), "1");
        }
        while text(&tokens).await.unwrap() == "1" {
            tokio::task::yield_now().await;
        }
        assert_eq!(count.load(Ordering::Relaxed), 2, "one at a time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_needs_one_waits_for_the_background_fetch() {
        let (tokens, count) = source(|number| Ok(token(&number.to_string(), 120)));
        text(&tokens).await.unwrap();
        advance(60).await;
        // Begins the background fetch, which does not run before this task waits.
        text(&tokens).await.unwrap();
        advance(30).await;
        assert_eq!(text(&tokens).await.unwrap(), "2");
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_background_fetch_that_failed_is_not_repeated_at_once() {
        let (tokens, count) = source(|number| match number {
            1 => Ok(token("1", 1800)),
            _ => Err("no"),
        });
        text(&tokens).await.unwrap();
        advance(1651).await;
        for _ in 0..10 {
            assert_eq!(text(&tokens).await.unwrap(), "1");
            tokio::task::yield_now().await;
        }
        assert_eq!(count.load(Ordering::Relaxed), 2);
        advance(5).await;
        text(&tokens).await.unwrap();
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert_eq!(count.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_better_one_a_value_is_used_to_its_end() {
        let (tokens, count) = source(|number| match number {
            1 => Ok(token("1", 120)),
            _ => Err("no"),
        });
        text(&tokens).await.unwrap();
        advance(100).await;
        for _ in 0..100 {
            assert_eq!(text(&tokens).await.unwrap(), "1");
        }
        assert_eq!(count.load(Ordering::Relaxed), 2);
        advance(6).await;
        assert_eq!(text(&tokens).await.unwrap(), "1");
        assert_eq!(count.load(Ordering::Relaxed), 3);
        advance(14).await;
        assert_eq!(text(&tokens).await.unwrap_err(), "no");
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_has_no_fresher_value_is_not_asked_with_every_call() {
        let start = now();
        let old = move || {
            let fetched = start.checked_sub(Duration::from_secs(3580)).unwrap();
            Token::new("t".into(), Duration::from_secs(3600), fetched)
        };
        let (tokens, count) = source(move |_| Ok(old()));
        for _ in 0..100 {
            assert_eq!(text(&tokens).await.unwrap(), "t");
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
        advance(6).await;
        text(&tokens).await.unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_failure_reaches_all_who_waited_and_none_after_them() {
        let (tokens, count) = source(|number| match number {
            1 => Err("no"),
            _ => Ok(token("2", 120)),
        });
        let all = futures::future::join_all((0..100).map(|_| tokens.get())).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert_eq!(text(&tokens).await.unwrap(), "2");
    }

    #[tokio::test]
    async fn a_caller_who_gives_up_leaves_the_fetching_to_the_next() {
        let count = Arc::new(AtomicU64::new(0));
        let tokens = Refreshing::new(move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if number == 0 {
                    std::future::pending::<()>().await;
                }
                Ok(token("1", 120))
            })
        });
        let mut stuck = Box::pin(tokens.get());
        assert!(futures::poll!(&mut stuck).is_pending());
        drop(stuck);
        assert_eq!(text(&tokens).await.unwrap(), "1");
    }

    #[tokio::test]
    async fn an_old_value_refused_late_does_not_take_the_new_one_along() {
        let (tokens, count) = source(|number| Ok(token(&number.to_string(), 120)));
        let old = tokens.get().await.unwrap();
        let refuse = || tokens.reject(&old);
        refuse();
        assert_eq!(text(&tokens).await.unwrap(), "2");
        refuse();
        assert_eq!(text(&tokens).await.unwrap(), "2");
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }
}
