//! Keys as files: business certificates, and Altinn Studio's settings.

mod certificates;
mod settings;
