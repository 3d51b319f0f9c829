//! The trait of token sources.

use std::fmt;
use std::pin::Pin;

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
