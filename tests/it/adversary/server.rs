//! A small Altinn by another hand than the sandbox: plain threads and sockets, a ledger of the letters by key, and every way an answer can lie.
//!
//! Nothing here is shared with `src/sandbox`: where the two read the API differently, a test that uses both finds out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

const ROOT: &str = "/correspondence/api/v1/";

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The connection is closed; nothing is done.
    CutBefore,
    /// What was asked is done, and the connection closed.
    CutAfter,
    /// What was asked is done, and the answer breaks off.
    CutMidway,
    /// The connection is closed; what was asked is done so many milliseconds later.
    LateAfterCut(u64),
    /// HTTP 504 at once; what was asked is done so many milliseconds later.
    LateAfterTimeout(u64),
    /// What was asked is done and answered twice, as by a proxy that has lost count.
    Twice,
    /// Nothing is done; the answer is one that another letter got.
    Stale,
    /// What was asked is done; the answer names another recipient.
    OtherRecipient,
    /// What was asked is done; the answer has the id of the first letter, as by a proxy that keeps answers.
    FirstId,
    /// What was asked is done; the answer gives the letter this status.
    Status(&'static str),
    /// Refused with this status and no code of Altinn's; nothing is done.
    Bare(u16),
    /// Refused with this status and `Retry-After: 0`; nothing is done.
    Later(u16),
    /// Refused with this code of Altinn's; nothing is done.
    Code(u16, u32),
    /// HTTP 200 with something else than JSON; nothing is done.
    Garbage,
    /// Done and answered so many milliseconds later.
    Slow(u64),
}

/// A request as a script sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) what: What,
    /// Whose letter: the reference in the request, or what the query asks for.
    pub(crate) about: String,
    /// How often this was asked about the same letter or file, from 1.
    pub(crate) nth: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum What {
    Send,
    Find,
    Overview,
    Details,
    Announce,
    Upload,
    Attachment,
    Delete,
}

/// A letter in the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) id: Uuid,
    pub(crate) recipient: String,
    pub(crate) reference: String,
    pub(crate) title: String,
    pub(crate) status: String,
}

#[derive(Default)]
struct State {
    letters: BTreeMap<Uuid, Letter>,
    attachments: HashMap<Uuid, &'static str>,
    reserved: HashSet<String>,
    asked: HashMap<(What, String), u64>,
    counts: BTreeMap<What, u64>,
    /// An answer to a letter, to be given to another one.
    earlier: Option<Value>,
    /// Commits that are still to come.
    late: u64,
    ids: u64,
}

type Script = Box<dyn FnMut(&Asked) -> Fault + Send>;

struct Shared {
    state: Mutex<State>,
    script: Mutex<Script>,
    closed: AtomicBool,
}

/// A running server; it is gone when this is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) fn start(script: impl FnMut(&Asked) -> Fault + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            script: Mutex::new(Box::new(script)),
            closed: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.closed.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || stream.map(|stream| shared.serve(&stream)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn honest() -> Self {
        Self::start(|_| Fault::None)
    }

    /// Replaces what goes wrong from now on.
    pub(crate) fn now(&self, script: impl FnMut(&Asked) -> Fault + Send + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The letters by their keys, when all late commits are done.
    pub(crate) fn letters(&self) -> BTreeMap<Uuid, Letter> {
        loop {
            let state = self.shared.state();
            if state.late == 0 {
                return state.letters.clone();
            }
            drop(state);
            thread::yield_now();
        }
    }

    /// How often something was asked.
    pub(crate) fn count(&self, what: What) -> u64 {
        let state = self.shared.state();
        state.counts.get(&what).copied().unwrap_or_default()
    }

    /// Gives the letter with this reference another status, as its later life would.
    pub(crate) fn set_status(&self, reference: &str, status: &str) {
        let mut state = self.shared.state();
        let letter = state.letters.values_mut();
        let letter = letter
            .into_iter()
            .find(|letter| letter.reference == reference);
        status.clone_into(&mut letter.unwrap().status);
    }

    /// Whether this recipient, as Altinn writes it, has reserved.
    pub(crate) fn reserve(&self, recipient: &str, reserved: bool) {
        let mut state = self.shared.state();
        if reserved {
            state.reserved.insert(recipient.to_owned());
        } else {
            state.reserved.remove(recipient);
        }
    }

    /// Is away from now on, for new connections and for those that are open.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }

    /// Attachments that are not deleted.
    pub(crate) fn attachments(&self) -> usize {
        let state = self.shared.state();
        let there = state.attachments.values();
        there.filter(|status| **status != "Purged").count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}

/// A request off the wire.
struct Request {
    method: String,
    path: String,
    body: Value,
}

/// What is done to answer a request: the status and the body.
type Done = (u16, Value);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers the requests of one connection, until one of them cuts it.
    fn serve(self: &Arc<Self>, stream: &TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream.try_clone().unwrap();
        writer.set_nodelay(true).unwrap();
        while let Some(request) = read(&mut reader) {
            if self.closed.load(Ordering::Relaxed) {
                return;
            }
            let Some(what) = what(&request) else {
                if write(&mut writer, 404, &Value::Null, None).is_err() {
                    return;
                }
                continue;
            };
            let fault = self.fault(what, &request);
            if !self.answer(what, &request, fault, &mut writer) {
                return;
            }
        }
    }

    fn fault(&self, what: What, request: &Request) -> Fault {
        let about = match what {
            What::Send => text(&request.body["correspondence"]["sendersReference"]),
            What::Announce => text(&request.body["fileName"]),
            _ => request.path.clone(),
        };
        let mut state = self.state();
        *state.counts.entry(what).or_default() += 1;
        let nth = state.asked.entry((what, about.clone())).or_default();
        *nth += 1;
        let asked = Asked {
            what,
            about,
            nth: *nth,
        };
        drop(state);
        (self.script.lock().unwrap())(&asked)
    }

    /// Whether the connection is kept.
    fn answer(
        self: &Arc<Self>,
        what: What,
        request: &Request,
        fault: Fault,
        writer: &mut TcpStream,
    ) -> bool {
        let act = || self.state().act(what, request);
        let (status, mut body) = match fault {
            Fault::CutBefore => return false,
            Fault::CutAfter => {
                act();
                return false;
            }
            Fault::CutMidway => {
                let (status, body) = act();
                let whole = response(status, &body, None);
                let _ = writer.write_all(&whole[..whole.len() - 3]);
                return false;
            }
            Fault::LateAfterCut(wait) => {
                self.later(what, request, wait);
                return false;
            }
            Fault::LateAfterTimeout(wait) => {
                self.later(what, request, wait);
                (504, json!("gateway"))
            }
            Fault::Stale => {
                let earlier = self.state().earlier.clone();
                earlier.map_or_else(act, |earlier| (200, earlier))
            }
            Fault::Bare(status) => (status, json!("<html>no</html>")),
            Fault::Later(status) => {
                return write(writer, status, &Value::Null, Some(0)).is_ok();
            }
            Fault::Code(status, code) => (status, problem(status, code)),
            Fault::Garbage => (200, json!("<html>welcome</html>")),
            Fault::Slow(wait) => {
                thread::sleep(Duration::from_millis(wait));
                act()
            }
            Fault::None
            | Fault::Twice
            | Fault::OtherRecipient
            | Fault::FirstId
            | Fault::Status(_) => act(),
        };
        if fault == Fault::FirstId && body.get("ids").is_some() {
            body["ids"] = json!([id(1)]);
        }
        if let Some(letter) = body.pointer_mut("/correspondences/0") {
            match fault {
                Fault::OtherRecipient => {
                    letter["recipient"] = json!("urn:altinn:organization:identifier-no:889640782");
                }
                Fault::FirstId => letter["correspondenceId"] = json!(id(1)),
                Fault::Status(status) => letter["status"] = json!(status),
                _ => {}
            }
        }
        if write(writer, status, &body, None).is_err() {
            return false;
        }
        if fault == Fault::Twice {
            thread::sleep(Duration::from_millis(2));
            let _ = write(writer, status, &body, None);
        }
        true
    }

    fn later(self: &Arc<Self>, what: What, request: &Request, wait: u64) {
        self.state().late += 1;
        let shared = Arc::clone(self);
        let request = Request {
            method: request.method.clone(),
            path: request.path.clone(),
            body: request.body.clone(),
        };
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(wait));
            let mut state = shared.state();
            state.act(what, &request);
            state.late -= 1;
        });
    }
}

impl State {
    fn act(&mut self, what: What, request: &Request) -> Done {
        match what {
            What::Send => self.send(&request.body),
            What::Find => self.find(&request.path),
            What::Overview => self.letter(&request.path, false),
            What::Details => self.letter(&request.path, true),
            What::Announce => {
                let id = self.new_id();
                self.attachments.insert(id, "Initialized");
                (200, json!(id))
            }
            What::Upload => self.attachment(&request.path, Some("Published")),
            What::Attachment => self.attachment(&request.path, None),
            What::Delete => self.attachment(&request.path, Some("Purged")),
        }
    }

    /// Keys are looked at before anything else, as Altinn does.
    fn send(&mut self, body: &Value) -> Done {
        let key: Uuid = text(&body["idempotentKey"]).parse().unwrap();
        if self.letters.contains_key(&key) {
            return (409, problem(409, 1034));
        }
        let recipient = text(&body["recipients"][0]);
        if self.reserved.contains(&recipient) {
            return (422, problem(422, 1030));
        }
        let letter = Letter {
            id: self.new_id(),
            recipient: recipient.clone(),
            reference: text(&body["correspondence"]["sendersReference"]),
            title: text(&body["correspondence"]["content"]["messageTitle"]),
            status: "Published".to_owned(),
        };
        let answer = json!({
            "correspondences": [{
                "correspondenceId": letter.id, "status": "ReadyForPublish", "recipient": recipient, "notifications": null
            }],
            "attachmentIds": []
        });
        self.letters.insert(key, letter);
        self.earlier.get_or_insert_with(|| answer.clone());
        (200, answer)
    }

    fn find(&self, path: &str) -> Done {
        let key: Uuid = path.split("idempotentKey=").nth(1).unwrap()[..36]
            .parse()
            .unwrap();
        let ids: Vec<_> = self
            .letters
            .get(&key)
            .iter()
            .map(|letter| letter.id)
            .collect();
        (200, json!({ "ids": ids }))
    }

    fn letter(&self, path: &str, details: bool) -> Done {
        let id = Uuid::parse_str(path[ROOT.len()..].split('/').nth(1).unwrap()).unwrap();
        let letter = self.letters.values().find(|letter| letter.id == id);
        let Some(letter) = letter.filter(|letter| details || !letter.status.starts_with("Purged"))
        else {
            return (404, problem(404, 1001));
        };
        let history = details.then(|| json!([{ "status": letter.status }]));
        let answer = json!({
            "correspondenceId": id, "recipient": letter.recipient, "status": letter.status, "statusText": letter.status,
            "sendersReference": letter.reference, "content": { "messageTitle": letter.title }, "statusHistory": history
        });
        (200, answer)
    }

    fn attachment(&mut self, path: &str, becomes: Option<&'static str>) -> Done {
        let id = Uuid::parse_str(path[ROOT.len()..].split('/').nth(1).unwrap()).unwrap();
        let Some(status) = self.attachments.get_mut(&id) else {
            return (404, problem(404, 2001));
        };
        *status = becomes.unwrap_or(status);
        (200, json!({ "attachmentId": id, "status": *status }))
    }

    fn new_id(&mut self) -> Uuid {
        self.ids += 1;
        id(self.ids)
    }
}

/// The ids that are given out, in order.
fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(0x01a2_2357_932a_7c73, 0xa3a0_0000_0000_0000 | number)
}

/// With `traceId` twice, as Altinn has it.
fn problem(status: u16, code: u32) -> Value {
    json!({ "title": "No", "status": status, "detail": format!("no: {code}"), "traceId": "00-first-00", "errorCode": code })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn what(request: &Request) -> Option<What> {
    let path = request.path.strip_prefix(ROOT)?;
    let parts: Vec<_> = path.split(['/', '?']).collect();
    Some(match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["correspondence"]) => What::Send,
        ("GET", ["correspondence", query]) if query.contains("idempotentKey=") => What::Find,
        ("GET", ["correspondence", _]) => What::Overview,
        ("GET", ["correspondence", _, "details"]) => What::Details,
        ("POST", ["attachment"]) => What::Announce,
        ("POST", ["attachment", _, "upload"]) => What::Upload,
        ("GET", ["attachment", _]) => What::Attachment,
        ("DELETE", ["attachment", _]) => What::Delete,
        _ => return None,
    })
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader
            .read_line(&mut header)
            .ok()
            .filter(|read| *read > 0)?;
        if header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Request { method, path, body })
}

fn write(
    writer: &mut TcpStream,
    status: u16,
    body: &Value,
    retry_after: Option<u64>,
) -> std::io::Result<()> {
    writer.write_all(&response(status, body, retry_after))
}

fn response(status: u16, body: &Value, retry_after: Option<u64>) -> Vec<u8> {
    let body = match body {
        Value::String(text) if text.starts_with('<') => text.clone(),
        body => body.to_string(),
    };
    let after = retry_after.map_or(String::new(), |seconds| {
        format!("Retry-After: {seconds}\r\n")
    });
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{after}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}
