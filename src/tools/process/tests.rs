use std::fs::File;
use std::time::Duration;

use tokio::time::Instant;

use super::read::STDERR_TAIL;
use super::*;

fn sh(script: &str) -> Cmd {
    Cmd::new("sh", Duration::from_secs(20)).args(["-c", script])
}

#[tokio::test]
async fn it_tells_how_a_command_ended() {
    let output = run(&sh("echo a; echo b >&2")).await.unwrap();
    assert_eq!((output.text().as_str(), output.stderr.as_str()), ("a", "b\n"));
    let error = run(&sh("echo out; printf 'bad \\377 bytes' >&2; exit 3")).await.unwrap_err();
    assert_eq!(error.stderr, "bad \u{fffd} bytes\n");
    assert_eq!(error.stdout, b"out\n");
    assert!(error.to_string().ends_with("ended with code 3"), "{error}");
    let error = run(&sh("kill -9 $$")).await.unwrap_err();
    assert!(matches!(error.end, End::Signal(9)), "{error}");
    let error = run(&Cmd::new("no-such-program-here", Duration::from_secs(1))).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let error = run(&sh("true").cwd("/no/such/folder")).await.unwrap_err();
    assert!(matches!(error.end, End::NoFolder), "{error}");
}

#[tokio::test]
async fn a_deadline_ends_even_the_deaf() {
    let began = Instant::now();
    let mut cmd = sh("trap '' TERM; echo here >&2; while :; do sleep 0.1; done");
    cmd.deadline = Duration::from_millis(300);
    let error = run(&cmd).await.unwrap_err();
    assert!(matches!(error.end, End::Deadline(_)), "{error}");
    assert_eq!(error.stderr, "here\n");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipe_is_not_waited_for() {
    let began = Instant::now();
    assert_eq!(run(&sh("sleep 8 & echo done")).await.unwrap().text(), "done");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn it_feeds_and_reads_more_than_a_pipe_holds() {
    let much = vec![b'x'; 1 << 20];
    let output = run(&Cmd::new("cat", Duration::from_secs(20)).stdin(much.clone())).await.unwrap();
    assert_eq!(output.stdout, much);
    // … and one that does not read what it is given.
    run(&Cmd::new("true", Duration::from_secs(20)).stdin(much)).await.unwrap();
}

#[tokio::test]
async fn stderr_comes_line_by_line_and_its_end_is_kept() {
    let mut lines = 0;
    let error =
        stream(&sh("i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1"), |_| {
            lines += 1
        })
        .await
        .unwrap_err();
    assert_eq!(lines, 20000);
    assert!(error.stderr.len() <= STDERR_TAIL + 10000 && error.stderr.ends_with("line 19999\n"));
    assert_eq!(error.last_lines(2), ["line 19998", "line 19999"]);
}

#[tokio::test]
async fn a_started_process_writes_to_its_file_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("log")).unwrap();
    let mut running = start(&sh("echo words >&2; exit 4"), file).unwrap();
    assert!(matches!(running.wait().await.unwrap_err().end, End::Code(4)));
    assert_eq!(std::fs::read_to_string(folder.path().join("log")).unwrap(), "words\n");
    let mut running = start(&sh("sleep 60"), File::create(folder.path().join("log")).unwrap()).unwrap();
    assert!(running.ended().is_none());
    running.stop().await;
}
