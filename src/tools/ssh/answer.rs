//! The whole answer of a script of the remote half: it counts when its last line came, and not before.

use super::error::{SshError, lost};
use crate::model::names::HostName;
use crate::remote;
use crate::tools::lines::WholeLines;

/// More than this no script has to say. A server that talks for ever does not fill the memory.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// All that a script said until its end, without what a login shell said around it.
#[derive(Debug, Default)]
pub struct Answer {
    marked: Vec<String>,
    /// The first line that is not the script's.
    other: Option<String>,
    too_large: bool,
}

impl Answer {
    /// Reads to the end of what the server says, or until it is too much.
    pub async fn read<R: tokio::io::AsyncRead + Unpin>(mut lines: WholeLines<R>) -> Self {
        let mut answer = Answer::default();
        let mut bytes = 0;
        while let Some(line) = lines.next().await {
            if remote::parse(&line).is_some() {
                bytes += line.len();
                answer.marked.push(line);
            } else if answer.other.is_none() && !line.trim().is_empty() {
                answer.other = Some(line);
            }
            if bytes > LARGEST_ANSWER {
                return Answer { too_large: true, ..answer };
            }
        }
        answer
    }

    /// The script's lines without the last, `end`: without it nothing may be concluded from the others. `complaint`:
    /// what was said on stderr; `broken`: how the session ended, where the connection did.
    pub fn lines(
        mut self,
        host: &HostName,
        complaint: Option<String>,
        broken: Option<SshError>,
    ) -> Result<Vec<String>, SshError> {
        if self.too_large {
            return Err(lost(host, format!("it said more than {} MiB", LARGEST_ANSWER >> 20)));
        }
        match self.marked.pop() {
            Some(last) if remote::parse(&last) == Some(("end", "")) => Ok(self.marked),
            Some(_) => Err(broken.unwrap_or_else(|| lost(host, "its answer broke off"))),
            None => {
                if let Some(broken) = broken {
                    return Err(broken);
                }
                let said = complaint.or(self.other).unwrap_or_else(|| "it said nothing".to_owned());
                Err(SshError::Garbled { host: host.clone(), said: said.trim().chars().take(300).collect() })
            }
        }
    }
}

/// The first line that has something in it; the others are read to their end.
pub async fn first_words<R: tokio::io::AsyncRead + Unpin>(mut lines: WholeLines<R>) -> Option<String> {
    let mut first = None;
    while let Some(line) = lines.next().await {
        if first.is_none() && !line.trim().is_empty() {
            first = Some(line);
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_counts_when_it_is_whole() {
        let host: HostName = "server".parse().unwrap();
        let text = "Good morning\n@ root absent\n@ current absent\r\n@ journal {\"v\":1}\n@ end\n";
        let answer = async |text: &str| Answer::read(WholeLines::of(text.as_bytes())).await;
        let lines = answer(text).await.lines(&host, None, None).unwrap();
        assert_eq!(lines, ["@ root absent", "@ current absent", "@ journal {\"v\":1}"]);
        for cut in 0..text.len() {
            let error = answer(&text[..cut]).await.lines(&host, None, None).unwrap_err();
            // Half a look must not pass for a server that nothing was deployed to.
            let lost = matches!(error, SshError::Lost { .. });
            assert!(lost == text[..cut].contains("absent\n"), "{:?}: {error}", &text[..cut]);
        }
        let error = answer("Account locked\n").await.lines(&host, None, None).unwrap_err();
        assert!(error.to_string().ends_with("did not run what it was given: Account locked"), "{error}");
        let broken = answer("").await.lines(&host, None, Some(lost(&host, "gone"))).unwrap_err();
        assert!(matches!(broken, SshError::Lost { .. }), "{broken}");
    }

    #[tokio::test]
    async fn an_endless_answer_is_not_kept() {
        let host: HostName = "server".parse().unwrap();
        let line = format!("@ journal {}\n", "x".repeat(1_000_000));
        let text = line.repeat(LARGEST_ANSWER / line.len() + 2) + "@ end\n";
        let answer = Answer::read(WholeLines::of(text.as_bytes())).await;
        assert!(answer.marked.iter().map(String::len).sum::<usize>() <= LARGEST_ANSWER + line.len());
        let error = answer.lines(&host, None, None).unwrap_err().to_string();
        assert!(error.contains("it said more than 64 MiB"), "{error}");
    }
}
