//! Load generators to compare with: `oha` where it is on the PATH, and the HTTP client that letters are sent with, doing nothing else, in a process of its own.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use massebrev::altinn::{Environment, HttpOptions};
use tokio::runtime::Builder;

const PATH: &str = "/correspondence/api/v1/correspondence";
const TOKEN: &str = "eyJ0eXAiOiJKV1QifQ.e30.c2ln";
/// The child that only sends is this program again, with its arguments after this word.
pub(crate) const CLIENT: &str = "client";

/// Requests a second with `oha`; none where it is not installed.
pub(crate) fn oha(url: &str, body: &Path, connections: u32, requests: usize) -> Option<f64> {
    let output = Command::new("oha")
        .args(["-n", &requests.to_string(), "-c", &connections.to_string()])
        .args(["--no-tui", "--output-format", "json", "-m", "POST"])
        .args(["-T", "application/json", "-H"])
        .arg(format!("Authorization: Bearer {TOKEN}"))
        .arg("-D")
        .arg(body)
        .arg(format!("{url}{PATH}"))
        .output()
        .ok()?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    told["summary"]["requestsPerSec"].as_f64()
}

/// Requests a second with the HTTP client alone: no rendering, no journal, no pace.
pub(crate) fn client(url: &str, body: &Path, connections: u32, requests: usize) -> f64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([CLIENT, url])
        .arg(body)
        .args([connections.to_string(), requests.to_string()])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.trim().parse().unwrap()
}

/// What the child does; prints the requests a second.
#[expect(clippy::cast_precision_loss, reason = "a measurement")]
pub(crate) fn run_client(url: &str, body: &Path, connections: usize, requests: usize) {
    let options = HttpOptions {
        concurrency: connections,
        ..HttpOptions::default()
    };
    let environment = Environment::sandbox(url, url).unwrap();
    let client = environment.http_client(&options).unwrap();
    let body = Bytes::from(std::fs::read(body).unwrap());
    let url = format!("{url}{PATH}");
    // One thread, as the program has it.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let began = Instant::now();
    runtime.block_on(async {
        let post = async |_| {
            let request = client
                .post(&url)
                .header("accept", "application/json")
                .header("content-type", "application/json")
                .bearer_auth(TOKEN)
                .body(body.clone());
            let answer = request.send().await.unwrap().bytes().await.unwrap();
            assert!(!answer.is_empty());
        };
        let posts = stream::iter(0..requests).map(post);
        posts.buffer_unordered(connections).collect::<()>().await;
    });
    println!("{}", requests as f64 / began.elapsed().as_secs_f64());
}
