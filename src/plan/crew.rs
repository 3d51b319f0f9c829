//! Work that any number of threads do at a time, taken up in order: whoever takes it up cannot tell how many there were.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many loads there are for each thread: one it works on, one that waits to be taken up, and one more, so that nobody waits.
const LOADS: usize = 3;
/// The stack of a thread that renders letters, in bytes: as much as a main thread has, so that what can be checked can be sent, whichever thread does it.
pub(crate) const RENDERING_STACK: usize = 8 << 20;

/// What one thread works on in one go. Filled again and again, so that its memory is reused.
pub(super) trait Load: Default + Send {
    /// Lets go of what came of it.
    fn clear(&mut self);
}

/// What the threads share: where loads come from, and how many have come.
struct Feed<F> {
    fill: F,
    filled: usize,
    ended: bool,
}

/// Has every load that `fill` fills, until it says that there is no more, worked on by one of `threads`, each with what `worker` gives it, and taken up by `take` on
/// this thread, in the order they were filled, until it breaks. Some that were filled then are not taken up.
pub(super) fn in_order<L: Load, W: FnMut(&mut L)>(
    threads: NonZeroUsize,
    mut fill: impl FnMut(&mut L) -> bool + Send,
    worker: impl Fn() -> W + Sync,
    mut take: impl FnMut(&mut L) -> ControlFlow<()>,
) {
    if threads.get() == 1 {
        return alone(&mut fill, worker(), &mut take);
    }
    let feed = Mutex::new(Feed {
        fill,
        filled: 0,
        ended: false,
    });
    let (give_back, empty) = mpsc::channel();
    let (hand_in, done) = mpsc::channel();
    for _ in 0..threads.get() * LOADS {
        // The other end is here.
        let _ = give_back.send(L::default());
    }
    let empty = Mutex::new(empty);
    thread::scope(|scope| {
        // Whatever ends this ends the others too: they have nobody to hand in to, and nothing comes back.
        let (give_back, hand_in, done) = (give_back, hand_in, done);
        let (empty, feed, worker) = (&empty, &feed, &worker);
        let started = (0..threads.get()).filter(|_| {
            let hand_in = hand_in.clone();
            let toil = move || toil(empty, feed, worker(), &hand_in);
            let thread = thread::Builder::new().stack_size(RENDERING_STACK);
            thread.spawn_scoped(scope, toil).is_ok()
        });
        if started.count() == 0 {
            let mut feed = feed.lock().unwrap_or_else(PoisonError::into_inner);
            return alone(&mut feed.fill, worker(), &mut take);
        }
        drop(hand_in);
        take_up(&done, &give_back, &mut take);
    });
}

/// The same by this thread only.
fn alone<L: Load>(
    fill: &mut impl FnMut(&mut L) -> bool,
    mut work: impl FnMut(&mut L),
    take: &mut impl FnMut(&mut L) -> ControlFlow<()>,
) {
    let mut load = L::default();
    while fill(&mut load) {
        work(&mut load);
        if take(&mut load).is_break() {
            return;
        }
        load.clear();
    }
}

/// What each of the threads does.
fn toil<L: Load, F: FnMut(&mut L) -> bool>(
    empty: &Mutex<Receiver<L>>,
    feed: &Mutex<Feed<F>>,
    mut work: impl FnMut(&mut L),
    hand_in: &Sender<(usize, Option<L>)>,
) {
    // A lock that another thread has left in a panic is the end: nothing more is filled.
    while let Some(mut load) = empty.lock().ok().and_then(|empty| empty.recv().ok()) {
        load.clear();
        let Some(number) = feed.lock().ok().and_then(|mut feed| feed.next(&mut load)) else {
            return;
        };
        let mut job = Job {
            number,
            load: None,
            hand_in,
        };
        work(&mut load);
        job.load = Some(load);
    }
}

/// Takes up what has been handed in, each when its turn has come.
fn take_up<L: Load>(
    done: &Receiver<(usize, Option<L>)>,
    give_back: &Sender<L>,
    take: &mut impl FnMut(&mut L) -> ControlFlow<()>,
) {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, load) in done {
        early.insert(number, load);
        while let Some(load) = early.remove(&next) {
            // Its thread has panicked, and so will this one when all have ended.
            let Some(mut load) = load else { return };
            if take(&mut load).is_break() {
                return;
            }
            next += 1;
            // When nobody is there any more, there is nothing more to do.
            let _ = give_back.send(load);
        }
    }
}

impl<F> Feed<F> {
    /// Fills a load and gives its number, unless there is no more.
    fn next<L>(&mut self, load: &mut L) -> Option<usize>
    where
        F: FnMut(&mut L) -> bool,
    {
        self.ended = self.ended || !(self.fill)(load);
        let number = self.filled;
        self.filled += 1;
        (!self.ended).then_some(number)
    }
}

/// A load that is worked on; it is handed in whatever happens, because the others wait for it.
struct Job<'a, L> {
    number: usize,
    /// Nothing when the work was not done.
    load: Option<L>,
    hand_in: &'a Sender<(usize, Option<L>)>,
}

impl<L> Drop for Job<'_, L> {
    fn drop(&mut self) {
        // Nobody is there any more when enough has been taken up.
        let _ = self.hand_in.send((self.number, self.load.take()));
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// A few numbers, and their squares.
    #[derive(Default)]
    struct Numbers {
        given: Vec<u64>,
        squares: Vec<u64>,
    }

    impl Load for Numbers {
        fn clear(&mut self) {
            self.squares.clear();
        }
    }

    /// The squares of the numbers below `end`, in the order they were taken up; up to `last`.
    fn squares(threads: usize, end: u64, last: u64, work: fn(u64) -> u64) -> Vec<u64> {
        let mut next = 0;
        let mut taken = Vec::new();
        in_order(
            NonZeroUsize::new(threads).unwrap(),
            |load: &mut Numbers| {
                // Loads of one to three.
                let more = (next + 1 + next % 3).min(end);
                load.given = (next..more).collect();
                next = more;
                !load.given.is_empty()
            },
            || |load: &mut Numbers| load.squares.extend(load.given.iter().map(|n| work(*n))),
            |load| {
                for (number, square) in load.given.iter().zip(&load.squares) {
                    taken.push(*square);
                    if *number == last {
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            },
        );
        taken
    }

    #[test]
    fn what_many_do_is_taken_up_in_order() {
        for threads in [1, 2, 7] {
            for end in [0, 1, 2, 1000] {
                let expected: Vec<_> = (0..end).map(|n| n * n).collect();
                assert_eq!(squares(threads, end, u64::MAX, |n| n * n), expected);
            }
        }
    }

    #[test]
    fn nothing_is_taken_up_after_the_end() {
        for threads in [1, 2, 7] {
            let expected: Vec<_> = (0..=100).collect();
            assert_eq!(squares(threads, u64::MAX, 100, |n| n), expected);
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_nobody_waits_for_what_will_not_come() {
        for threads in [1, 2, 7] {
            let work = |n| {
                assert!(n != 100, "a hundred");
                n
            };
            let ended = catch_unwind(AssertUnwindSafe(|| {
                squares(threads, u64::MAX, u64::MAX, work)
            }));
            assert!(ended.is_err());
        }
    }
}
