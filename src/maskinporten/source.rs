//! Where tokens come from, whoever makes them: Maskinporten, a file, a program, or code of your own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{MaskinportenSource, Token, TokenError};

/// A token that is being fetched.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>>;

/// A source of tokens, shared by all who send.
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

impl TokenSource for MaskinportenSource {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(self.token())
    }

    fn reject(&self, token: &Token) {
        self.reject(token);
    }
}

/// A source whose every token comes from a call of `fetch`; it is `fetch` that keeps them.
pub fn from_fn<F, R>(fetch: F) -> Arc<dyn TokenSource>
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<Token, TokenError>> + Send + 'static,
{
    Arc::new(FromFn(move || -> TokenFuture<'static> {
        Box::pin(fetch())
    }))
}

struct FromFn<F>(F);

impl<F: Fn() -> TokenFuture<'static> + Send + Sync> TokenSource for FromFn<F> {
    fn token(&self) -> TokenFuture<'_> {
        (self.0)()
    }

    fn reject(&self, _: &Token) {}
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

/// Why a source other than Maskinporten has no token. Never quotes one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be read.
    #[error("cannot read the token from {place}")]
    File {
        /// The file.
        place: String,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// There is something, but it is no token.
    #[error("what comes from {place} is not a token: {reason}")]
    NotAToken {
        /// Where it was found.
        place: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Its time has passed.
    #[error("the token from {place} expired {ago} ago")]
    Expired {
        /// Where it was found.
        place: String,
        /// How long ago, in words.
        ago: String,
        /// How to get another one.
        hint: &'static str,
    },
    /// The program that gives tokens did not give one.
    #[error("the token command `{program}` {failure}{}", said(.stderr))]
    Command {
        /// The program, without its arguments.
        program: String,
        /// What became of it.
        failure: String,
        /// What it said on stderr, cut and masked.
        stderr: String,
    },
    /// The generator of test tokens refused.
    #[error("the test token generator answered HTTP {status}: {message}")]
    Generator {
        /// The HTTP status.
        status: u16,
        /// Its own words, cut and masked.
        message: String,
    },
    /// A source of somebody else's has its own reasons.
    #[error(transparent)]
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

impl SourceError {
    /// Whether the same call may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Generator {
                status: 408 | 429 | 500..,
                ..
            }
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File { .. } => {
                "check the path and who may read the file; it holds the token and nothing else"
            }
            Self::NotAToken { .. } => {
                "give the token alone, or JSON as {\"token\": \"…\", \"expiresAt\": \"2026-11-24T12:00:00Z\"}"
            }
            Self::Expired { hint, .. } => hint,
            Self::Command { .. } => {
                "run the command by hand in the manifest's folder: it must print a token, and nothing else, to stdout"
            }
            Self::Generator {
                status: 401 | 403, ..
            } => {
                "set MASSEBREV_GENERATOR_USER and MASSEBREV_GENERATOR_PASSWORD to what Altinn has given you for its test tools"
            }
            Self::Generator { .. } => {
                "check `auth.token.generator` in the manifest, and the scopes"
            }
            Self::Other(_) => return None,
        };
        Some(hint.to_owned())
    }
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() {
        String::new()
    } else {
        format!("; it says: {stderr}")
    }
}
