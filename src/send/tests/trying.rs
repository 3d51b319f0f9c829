//! Retries: number, delays, deadline and tokens.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::super::attempt::{Attempted, Attempts, Unaccepted};
use super::super::rate_limiter::RateLimiter;
use super::super::signals::ServerContact;
use super::super::verdict::Verdict;
use super::super::{Event, Observer, RunEnd, Stop};
use super::server::TestTokens;
use crate::altinn::{Answer, Refusal, TransportError, TransportKind};
use crate::http::reply::Reply;
use crate::manifest::Retry;
use crate::maskinporten::{Token, TokenFuture, TokenSource};

type Said = Result<Answer<()>, TransportError>;

#[expect(clippy::unnecessary_wraps, reason = "what the server says")]
fn refused(status: u16, code: Option<u32>, retry_after: Option<u64>) -> Said {
    Ok(Err(Refusal {
        status,
        code,
        retry_after: retry_after.map(Duration::from_secs),
        message: "no".to_owned(),
        ..Refusal::default()
    }))
}

/// As after a letter that was taken.
fn yes() -> ServerContact {
    let contact = ServerContact::default();
    contact.answered.set(true);
    contact.accepted.set(true);
    contact
}

fn lost(kind: TransportKind) -> Said {
    Err(TransportError::new(kind, "there", None))
}

#[derive(Default)]
struct Waits(RefCell<Vec<Duration>>);

impl Observer for Waits {
    fn notice(&self, event: &Event<'_>) {
        if let Event::Retrying { wait, .. } = event {
            self.0.borrow_mut().push(*wait);
        }
    }
}

/// One letter: how it ended, how long it took, what it waited, and how many tokens it used.
struct Tried {
    settled: Attempted<()>,
    took: Duration,
    waits: Vec<Duration>,
    tokens: usize,
}

/// Tries a letter with these answers; the last one repeats.
async fn letter(retry: &Retry, contact: ServerContact, answers: &[fn() -> Said]) -> Tried {
    let purse = TestTokens::default();
    let (waits, stop) = (Waits::default(), Stop::default());
    let limiter = RateLimiter::new(16.try_into().unwrap(), None, retry);
    let attempts = Attempts {
        tokens: &purse,
        limiter: &limiter,
        retry,
        observer: &waits,
        stop: &stop,
        contact,
    };
    let count = Cell::new(0);
    let began = Instant::now();
    let settled = attempts
        .settle(|_| {
            let answer = answers[count.get().min(answers.len() - 1)];
            count.set(count.get() + 1);
            std::future::ready(answer())
        })
        .await;
    let took = began.elapsed();
    Tried {
        settled,
        took,
        waits: waits.0.into_inner(),
        tokens: 1 + purse.rejected(),
    }
}

#[tokio::test(start_paused = true)]
async fn waits_are_anything_up_to_a_limit_that_triples_up_to_its_own() {
    let mut longest = [Duration::ZERO; 7];
    let mut shortest = [Duration::MAX; 7];
    for seed in 0..40 {
        fastrand::seed(seed);
        let tried = letter(
            &Retry::default(),
            ServerContact::default(),
            &[|| refused(500, None, None)],
        )
        .await;
        assert!(matches!(
            tried.settled.result,
            Err(Unaccepted::GaveUp { .. })
        ));
        assert!(
            tried.settled.lost_at.is_some(),
            "a gateway's word is not Altinn's"
        );
        assert_eq!((tried.settled.requests, tried.waits.len()), (8, 7));
        for (index, wait) in tried.waits.iter().enumerate() {
            longest[index] = longest[index].max(*wait);
            shortest[index] = shortest[index].min(*wait);
        }
    }
    let mut tripled = Duration::from_millis(500);
    for (index, longest) in longest.iter().enumerate() {
        let limit = tripled.min(Duration::from_secs(30));
        tripled *= 3;
        assert!(*longest <= limit, "{index}: {longest:?}");
        assert!(*longest > limit.mul_f64(0.7), "{index}: {longest:?}");
        assert!(
            shortest[index] < limit.mul_f64(0.3),
            "{index}: {:?}",
            shortest[index]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_try_begins_after_the_deadline() {
    let retry = Retry {
        attempts: 100.try_into().unwrap(),
        deadline: Duration::from_secs(90).into(),
        ..Retry::default()
    };
    for seed in 0..20 {
        fastrand::seed(seed);
        let tried = letter(
            &retry,
            ServerContact::default(),
            &[|| lost(TransportKind::Lost)],
        )
        .await;
        assert!(matches!(
            tried.settled.result,
            Err(Unaccepted::GaveUp { .. })
        ));
        assert!(tried.settled.requests < 100);
        assert!(tried.took <= Duration::from_secs(90), "{:?}", tried.took);
    }
}

/// What a server's `Retry-After` makes of one try and a success.
async fn after(retry_after: &str, retry: &Retry) -> Tried {
    // A header as it comes over the wire, against the date that came with it.
    thread_local! { static WAIT: Cell<Option<Duration>> = const { Cell::new(None) } }
    // Sunday, 6 November 1994, 08:49:00.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_740);
    WAIT.set(Reply::with_retry_after(retry_after, now).retry_after);
    let busy = || {
        Ok(Err(Refusal {
            status: 503,
            retry_after: WAIT.get(),
            message: "later".to_owned(),
            ..Refusal::default()
        }))
    };
    letter(retry, ServerContact::default(), &[busy, || Ok(Ok(()))]).await
}

#[tokio::test(start_paused = true)]
async fn what_the_server_asks_for_wins_over_any_schedule() {
    for (header, seconds) in [("7", 7), ("Sun, 06 Nov 1994 08:49:42 GMT", 42)] {
        let tried = after(header, &Retry::default()).await;
        assert!(matches!(tried.settled.result, Ok(())), "{header}");
        assert_eq!(tried.waits, [Duration::from_secs(seconds)], "{header}");
        assert_eq!(tried.took.as_secs(), seconds, "{header}");
    }
    // Asking for no wait must not use up all attempts at once.
    for header in ["0", "Sun, 06 Nov 1994 08:48:00 GMT"] {
        fastrand::seed(1);
        let tried = after(header, &Retry::default()).await;
        assert!(tried.waits[0] > Duration::ZERO, "{header}");
    }
    for header in [
        "3600",
        "Fri, 01 Jan 2100 00:00:00 GMT",
        "99999999999999999999",
    ] {
        let tried = after(header, &Retry::default()).await;
        assert!(
            matches!(
                tried.settled.result,
                Err(Unaccepted::Fatal(_, RunEnd::Stopped(_)))
            ),
            "{header}"
        );
        assert_eq!(tried.took, Duration::ZERO, "{header}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_and_then_it_is_not_the_token() {
    let retry = Retry::default();
    let tried = letter(
        &retry,
        ServerContact::default(),
        &[|| refused(401, None, None), || Ok(Ok(()))],
    )
    .await;
    assert!(matches!(tried.settled.result, Ok(())));
    assert_eq!((tried.tokens, tried.settled.requests), (2, 2));

    for code in [None, Some(4001), Some(4006)] {
        let answers: [fn() -> Said; 1] = match code {
            None => [|| refused(401, None, None)],
            Some(4001) => [|| refused(401, Some(4001), None)],
            Some(_) => [|| refused(401, Some(4006), None)],
        };
        let tried = letter(&retry, ServerContact::default(), &answers).await;
        let Err(Unaccepted::Refused(refusal, Verdict::Stop)) = tried.settled.result else {
            panic!("{:?}", tried.settled.result);
        };
        assert_eq!(refusal.code, code);
        assert_eq!((tried.tokens, tried.settled.requests), (2, 2));
    }
}

/// A source whose tokens come after this many seconds.
#[derive(Debug)]
struct Slow(u64);

impl TokenSource for Slow {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(self.0)).await;
            Ok(Token::given("t".to_owned(), None).unwrap())
        })
    }

    fn reject(&self, _: &Token) {}
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_for_a_token_is_told_once() {
    #[derive(Default)]
    struct Told(RefCell<Vec<String>>);
    impl Observer for Told {
        fn notice(&self, event: &Event<'_>) {
            self.0.borrow_mut().push(format!("{event:?}"));
        }
    }

    for (seconds, lines) in [(4, 0), (60, 1)] {
        let (told, stop, retry) = (Told::default(), Stop::default(), Retry::default());
        let attempts = Attempts {
            tokens: &Slow(seconds),
            limiter: &RateLimiter::new(16.try_into().unwrap(), None, &retry),
            retry: &retry,
            observer: &told,
            stop: &stop,
            contact: ServerContact::default(),
        };
        attempts.first_token().await.unwrap().unwrap();
        let told = told.0.into_inner();
        assert_eq!(told, vec!["Waiting(Token)"; lines], "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_costs_no_try() {
    let retry = Retry {
        attempts: 2.try_into().unwrap(),
        ..Retry::default()
    };
    let answers: [fn() -> Said; 3] = [
        || refused(401, None, None),
        || refused(503, None, None),
        || Ok(Ok(())),
    ];
    let tried = letter(&retry, ServerContact::default(), &answers).await;
    assert!(matches!(tried.settled.result, Ok(())));
    assert_eq!(tried.settled.requests, 3);
}

#[tokio::test(start_paused = true)]
async fn a_bare_403_is_about_one_letter_where_others_were_taken() {
    for (heard, verdict) in [(false, Verdict::Stop), (true, Verdict::RefreshToken)] {
        let heard = if heard {
            yes()
        } else {
            ServerContact::default()
        };
        let tried = letter(&Retry::default(), heard, &[|| refused(403, None, None)]).await;
        let Err(Unaccepted::Refused(_, judged)) = tried.settled.result else {
            panic!("{:?}", tried.settled.result);
        };
        assert_eq!((judged, tried.settled.requests), (verdict, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_network_there_is_nothing_to_wait_for() {
    let retry = Retry::default();
    let away: [fn() -> Said; 1] = [|| lost(TransportKind::Connect)];
    let tried = letter(&retry, ServerContact::default(), &away).await;
    assert!(matches!(
        tried.settled.result,
        Err(Unaccepted::Fatal(_, RunEnd::Unreachable(_)))
    ));
    assert!(tried.settled.lost_at.is_none(), "nothing was sent");
    assert!(tried.took <= Duration::from_secs(2), "{:?}", tried.took);

    // It was there before: it may come back.
    let tried = letter(&retry, yes(), &away).await;
    assert!(matches!(
        tried.settled.result,
        Err(Unaccepted::GaveUp { .. })
    ));
    assert_eq!(tried.settled.requests, 8);
}

#[tokio::test(start_paused = true)]
async fn whether_a_request_may_have_arrived_is_remembered() {
    for (kind, uncertain) in [
        (TransportKind::Connect, false),
        (TransportKind::Timeout, true),
        (TransportKind::Lost, true),
        (TransportKind::Malformed, true),
    ] {
        thread_local! { static KIND: Cell<TransportKind> = const { Cell::new(TransportKind::Lost) } }
        KIND.set(kind);
        let answers: [fn() -> Said; 2] = [|| lost(KIND.get()), || refused(400, Some(1002), None)];
        let tried = letter(&Retry::default(), ServerContact::default(), &answers).await;
        assert!(matches!(
            tried.settled.result,
            Err(Unaccepted::Refused(_, Verdict::Rejected))
        ));
        assert_eq!(tried.settled.lost_at.is_some(), uncertain, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_sent_is_not_tried_again() {
    let answers: [fn() -> Said; 1] = [|| lost(TransportKind::File)];
    let tried = letter(&Retry::default(), ServerContact::default(), &answers).await;
    assert!(matches!(tried.settled.result, Err(Unaccepted::NoFile(_))));
    assert!(tried.settled.lost_at.is_none(), "nothing was done");
    assert_eq!(tried.settled.requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_between_a_refused_token_and_the_next_does_not_undo_that_a_request_has_left() {
    let (retry, stop) = (Retry::default(), Stop::default());
    let hour = Some(Duration::from_secs(3600));
    let limiter = RateLimiter::new(16.try_into().unwrap(), hour, &retry);
    let attempts = Attempts {
        tokens: &TestTokens::default(),
        limiter: &limiter,
        retry: &retry,
        observer: &(),
        stop: &stop,
        contact: ServerContact::default(),
    };
    let settled = attempts
        .settle(|_| {
            stop.set();
            std::future::ready(refused(401, None, None))
        })
        .await;
    let Err(Unaccepted::GaveUp { reason, .. }) = settled.result else {
        panic!("{:?}", settled.result);
    };
    assert_eq!((reason.status, settled.requests), (Some(401), 1));
}
