//! HTTP as Altinn and Maskinporten are both reached by it.

#[cfg(test)]
pub(crate) mod listener;
pub(crate) mod reply;
