//! Sources of tokens: Maskinporten, a file, a program, or code of your own.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::refreshing::Refreshing;
use super::{Token, TokenError};

/// A token that is being fetched.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>>;

/// A source of tokens, shared by all requests.
///
/// It is asked before every request, so it keeps what it has while that lasts, and fetches once for all who wait. After a 401 the token is rejected, and the next one asked for.
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
    /// The current token, or a new one when there is none that will last.
    fn token(&self) -> TokenFuture<'_>;

    /// To be called when a request was answered with 401: the next call of `token` gives another one, if there is another to be had.
    fn reject(&self, token: &Token);
}

/// A source whose tokens come from `fetch`. It is called when there is no token that lasts, and in the background a while before the current one runs out.
pub fn from_fn<F, R>(fetch: F) -> Arc<dyn TokenSource>
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<Token, TokenError>> + Send + 'static,
{
    Arc::new(Refreshing::new(move || Box::pin(fetch())))
}

impl TokenSource for Refreshing<Token, TokenError> {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(self.get())
    }

    fn reject(&self, token: &Token) {
        self.forget(|held| held.is_same(token));
    }
}
