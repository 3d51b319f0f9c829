//! The trait of token sources, and the source made of a function.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::refreshing::Refreshing;
use super::{Token, TokenError};

pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>>;

/// A token source that all requests share.
///
/// It is called before every request. So it caches its token, and fetches once for all callers that wait. After a 401 the caller rejects the token and asks for the next one.
///
/// ```
/// use massebrev::maskinporten::{Token, TokenSource, from_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let source = from_fn(|| async { Ok(Token::given("a-token-of-your-own", None)?) });
/// assert_eq!(source.token().await.unwrap().expose(), "a-token-of-your-own");
/// # });
/// ```
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// Returns the current token, or a new one when the current one is about to expire.
    fn token(&self) -> TokenFuture<'_>;

    /// Marks a token as refused with 401. The next call of `token` returns another one, if the source has another.
    fn reject(&self, token: &Token);
}

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
        self.forget(token);
    }
}
