//! Many tries at once, each on a server of its own for as long as that is as it should be: they mostly wait.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use super::stand::Stand;

/// What came of a try: a value, or what was violated.
pub type Result<T> = std::result::Result<T, String>;

thread_local! {
    static SAID: std::cell::RefCell<Option<String>> = const { std::cell::RefCell::new(None) };
}

/// A panic's message with its place, without ending the run.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match std::thread::current().name() {
            Some(name) if name.starts_with("faults-") => {
                SAID.with_borrow_mut(|said| *said = Some(info.to_string()))
            }
            _ => usual(info),
        }));
    });
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| SAID.take().unwrap_or_else(|| "it panicked".to_owned()))
}

/// What lies on the server after a violation, for whoever looks into it.
fn left(stand: &Stand) -> String {
    let look = "cd /var/www/server/.shipit && ls -la && tail -n 99 end.* pending 2>/dev/null; tail -n 5 journal.jsonl";
    guarded(|| stand.site.server.sh(look).stdout).unwrap_or_default()
}

/// Tries all of these, `servers` at once. `disks`: which kind of server a try needs. A server on which something was
/// violated is not used again.
pub fn run<Job, T>(
    servers: usize,
    jobs: Vec<Job>,
    disks: impl Fn(&Job) -> bool + Sync,
    attempt: impl Fn(&Stand, &Job) -> T + Sync,
    tell: impl Fn(&Job, &Result<T>, Duration) + Sync,
) -> Vec<(Job, Result<T>)>
where
    Job: Send + Sync,
    T: Send,
{
    let (disk_jobs, plain_jobs): (VecDeque<Job>, VecDeque<Job>) =
        jobs.into_iter().partition(|job| disks(job));
    // The disks' server takes from the other queue when its own is empty.
    let queues = Mutex::new((disk_jobs, plain_jobs));
    let done = Mutex::new(Vec::new());
    let worker = |with_disks: bool| {
        let next = || {
            let mut queues = queues.lock().expect("no thread dies with it");
            if with_disks { queues.0.pop_front() } else { None }.or_else(|| queues.1.pop_front())
        };
        let mut stand: Option<Stand> = None;
        while let Some(job) = next() {
            let began = Instant::now();
            let result = guarded(|| attempt(stand.get_or_insert_with(|| Stand::new(with_disks)), &job));
            let result =
                result.map_err(|why| format!("{why}\n{}", stand.as_ref().map(left).unwrap_or_default()));
            tell(&job, &result, began.elapsed());
            if result.is_err() {
                // Dropping takes it down, and must not end the run.
                let _ = guarded(|| drop(stand.take()));
            }
            done.lock().expect("no thread dies with it").push((job, result));
        }
        // Killed clients' masters have to end by themselves.
        if let Some(stand) = stand
            && let Err(left) = guarded(|| stand.settle_debts())
        {
            eprintln!("an ssh master stays: {left}");
            std::process::exit(1);
        }
    };
    let with_disks = !queues.lock().expect("nobody else has it").0.is_empty();
    std::thread::scope(|scope| {
        for number in 0..servers.max(1) {
            let worker = &worker;
            std::thread::Builder::new()
                .name(format!("faults-{number}"))
                .spawn_scoped(scope, move || worker(number == 0 && with_disks))
                .expect("a thread");
        }
    });
    done.into_inner().expect("no thread dies with it")
}
