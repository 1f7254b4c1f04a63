//! What `doctor.sh` says of a server, beyond the look that each deploy takes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::remote;

/// What it said. What is missing stays at its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its clock, seconds since 1970.
    pub time: Option<u64>,
    /// Memory: all, what programs can have of it, and free swap; bytes.
    pub memory: Option<[u64; 3]>,
    /// Nix's version.
    pub nix: Option<String>,
    /// systemd's version.
    pub systemd: String,
    /// Whether the unit is started at boot, in systemd's word.
    pub enabled: String,
    /// EnvironmentFiles that have to be there and are not.
    pub absent: Vec<String>,
    /// EnvironmentFiles in folders that the login can't look into.
    pub hidden: Vec<String>,
    /// What came back from the health check, as the asker says it; none: it was not asked.
    pub answer: Option<String>,
    /// Whether the path that was sent is valid there; none: none was sent.
    pub arrived: Option<bool>,
    /// Why it could not be taken away again.
    pub stays: Option<String>,
}

impl Facts {
    /// Reads the lines.
    pub fn read(lines: &[String]) -> Self {
        let mut facts = Facts::default();
        for (word, rest) in lines.iter().filter_map(|line| remote::parse(line)) {
            match word {
                "time" => facts.time = rest.parse().ok(),
                "memory" => {
                    let kib: Vec<u64> = rest.split(' ').filter_map(|number| number.parse().ok()).collect();
                    facts.memory =
                        kib.try_into().ok().map(|kib: [u64; 3]| kib.map(|kib| kib.saturating_mul(1024)));
                }
                "nix" => facts.nix = Some(rest.to_owned()).filter(|version| !version.is_empty()),
                "systemd" => facts.systemd = rest.to_owned(),
                "enabled" => facts.enabled = rest.to_owned(),
                "absent" => facts.absent.push(rest.to_owned()),
                "hidden" => facts.hidden.push(rest.to_owned()),
                "answer" => facts.answer = Some(rest.to_owned()),
                "arrived" => facts.arrived = Some(rest == "yes"),
                "stays" => facts.stays = Some(rest.to_owned()),
                _ => tracing::debug!("the server says {word} {rest}"),
            }
        }
        facts
    }

    /// How far its clock is from this machine's, as (seconds, whether it is ahead). It was asked between these two.
    pub fn clock_off(&self, asked: SystemTime, answered: SystemTime) -> Option<(u64, bool)> {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let time = self.time?;
        Some(if time < seconds(asked) {
            (seconds(asked) - time, false)
        } else {
            (time.saturating_sub(seconds(answered)), true)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let text = "@ time 1000\n@ memory 2048 1024 0\n@ nix 2.26.3\n@ systemd 257\n@ enabled enabled\n@ absent /etc/a b\n\
                    @ hidden /root/x\n@ answer curl: (7) refused 000\n@ arrived yes\n@ stays still alive";
        let facts = Facts::read(&text.lines().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(facts.memory, Some([2 << 20, 1 << 20, 0]));
        assert_eq!(facts.nix.as_deref(), Some("2.26.3"));
        assert_eq!((facts.systemd.as_str(), facts.enabled.as_str()), ("257", "enabled"));
        assert_eq!(
            (&facts.absent, &facts.hidden),
            (&vec!["/etc/a b".to_owned()], &vec!["/root/x".to_owned()])
        );
        assert_eq!((facts.arrived, facts.stays.as_deref()), (Some(true), Some("still alive")));
        assert_eq!(facts.answer.as_deref(), Some("curl: (7) refused 000"));
        assert_eq!(Facts::read(&["@ memory 1 2".to_owned()]), Facts::default());
    }

    #[test]
    fn a_clock_is_right_when_it_is_between_question_and_answer() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let off = |time| Facts { time: Some(time), ..Facts::default() }.clock_off(at(100), at(130));
        assert_eq!([off(100), off(115), off(130)], [Some((0, true)); 3]);
        assert_eq!((off(40), off(190)), (Some((60, false)), Some((60, true))));
        assert_eq!(Facts::default().clock_off(at(0), at(1)), None);
    }
}
