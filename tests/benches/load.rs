//! Load generators to compare with: `oha` and `wrk` when they are on the PATH, and a client of our own that does nothing but write and read.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use massebrev::altinn::HttpClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

const PATH: &str = "/correspondence/api/v1/correspondence";

/// Requests a second with `oha`; nothing where it is not installed.
pub(crate) fn oha(
    sink: SocketAddr,
    body: &[u8],
    connections: u32,
    requests: usize,
    folder: &Path,
) -> Option<f64> {
    let file = folder.join("body.json");
    std::fs::write(&file, body).unwrap();
    let output = Command::new("oha")
        .args(["-n", &requests.to_string(), "-c", &connections.to_string()])
        .args([
            "--no-tui",
            "--output-format",
            "json",
            "-m",
            "POST",
            "-T",
            "application/json",
        ])
        .args([
            "-H",
            "Authorization: Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln",
            "-D",
        ])
        .arg(file)
        .arg(format!("http://{sink}{PATH}"))
        .output()
        .ok()?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    told["summary"]["requestsPerSec"].as_f64()
}

/// Requests a second with `wrk`; nothing where it is not installed.
pub(crate) fn wrk(sink: SocketAddr, body: &[u8], connections: u32, folder: &Path) -> Option<f64> {
    let (file, script) = (folder.join("body.json"), folder.join("post.lua"));
    std::fs::write(&file, body).unwrap();
    let lua = format!(
        "wrk.method = \"POST\"\nwrk.body = io.open({:?}):read(\"*a\")\nwrk.headers[\"Content-Type\"] = \"application/json\"\n\
         wrk.headers[\"Authorization\"] = \"Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln\"\n",
        file.display().to_string()
    );
    std::fs::write(&script, lua).unwrap();
    let output = Command::new("wrk")
        .args(["-t2", "-d2s", &format!("-c{connections}"), "-s"])
        .arg(script)
        .arg(format!("http://{sink}{PATH}"))
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))?;
    line.trim().parse().ok()
}

/// Requests a second with the client that letters are sent with, on one thread as they are, and nothing else: no rendering, no journal, no pace.
#[expect(clippy::cast_precision_loss, reason = "a measurement")]
pub(crate) fn client(
    runtime: &Runtime,
    client: &HttpClient,
    sink: SocketAddr,
    bodies: &[Bytes],
    connections: u32,
) -> f64 {
    let url = format!("http://{sink}{PATH}");
    let began = Instant::now();
    runtime.block_on(async {
        let post = async |body: &Bytes| {
            let request = client
                .post(&url)
                .header("accept", "application/json")
                .header("content-type", "application/json")
                .bearer_auth("eyJ0eXAiOiJKV1QifQ.e30.c2ln")
                .body(body.clone());
            let answer = request.send().await.unwrap().bytes().await.unwrap();
            assert!(!answer.is_empty());
        };
        let posts = stream::iter(bodies).map(post);
        posts
            .buffer_unordered(connections as usize)
            .collect::<()>()
            .await;
    });
    bodies.len() as f64 / began.elapsed().as_secs_f64()
}

/// Requests a second with as many connections as may be in flight, one request after the other on each.
#[expect(clippy::cast_precision_loss, reason = "a measurement")]
pub(crate) fn bare(runtime: &Runtime, sink: SocketAddr, bodies: &[Bytes], connections: u32) -> f64 {
    let share = bodies.len().div_ceil(connections as usize);
    let began = Instant::now();
    runtime.block_on(async {
        let tasks = bodies.chunks(share).map(|share| {
            let requests = share.iter().map(|body| {
                let mut request = format!(
                    "POST {PATH} HTTP/1.1\r\nHost: {sink}\r\nAuthorization: Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                )
                .into_bytes();
                request.extend_from_slice(body);
                request
            });
            tokio::spawn(post(sink, requests.collect()))
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    bodies.len() as f64 / began.elapsed().as_secs_f64()
}

async fn post(sink: SocketAddr, requests: Vec<Vec<u8>>) {
    let mut stream = TcpStream::connect(sink).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answer = vec![0; 16 * 1024];
    for request in requests {
        stream.write_all(&request).await.unwrap();
        let mut held = 0;
        while !is_whole(&answer[..held]) {
            held += stream.read(&mut answer[held..]).await.unwrap();
        }
        assert_eq!(&answer[..15], b"HTTP/1.1 200 OK");
    }
}

/// Whether an answer has come to its end, as its own length says.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        body.len() >= length.unwrap().parse().unwrap()
    })
}
