//! A test server that answers with given texts and records its requests.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The request line and the headers, one a line; their names in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn is(&self, start: &str) -> bool {
        self.head.starts_with(start)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A running test server and its recorded requests.
pub(crate) struct Listener {
    pub(crate) base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Listener {
    /// Starts a server that answers each request with the result of `answer`; an empty one closes the connection.
    pub(crate) async fn start(answer: impl Fn(&Seen) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                tokio::spawn(async move {
                    let mut stream = stream;
                    let request = read(&mut stream).await;
                    let text = answer(&request);
                    log.lock().unwrap().push(request);
                    let _ = stream.write_all(text.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { base, seen }
    }

    /// The requests whose first line begins with `start`, in order.
    pub(crate) fn seen(&self, start: &str) -> Vec<Seen> {
        let all = self.seen.lock().unwrap();
        all.iter().filter(|seen| seen.is(start)).cloned().collect()
    }
}

/// Builds an answer from a status such as `200 OK`, headers (each with its line break) and a body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
}

async fn read(stream: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..count]);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
            // Names in lower case, values as they are.
            let headers = headers.lines().map(|line| match line.split_once(':') {
                Some((name, value)) => format!("\n{}:{value}", name.to_lowercase()),
                None => line.to_owned(),
            });
            let seen = Seen {
                head: format!("{line}{}", headers.collect::<String>()),
                body: bytes[end + 4..].to_vec(),
            };
            let length = seen
                .header("content-length")
                .map_or(0, |text| text.parse().unwrap());
            if seen.body.len() >= length || count == 0 {
                return seen;
            }
        } else if count == 0 {
            return Seen::default();
        }
    }
}
