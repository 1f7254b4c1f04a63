//! The JSON that Nix prints, in the shapes of all versions from 2.8 on. Pure.

use serde_json::Value;

use crate::model::names::StorePath;

/// What the local store knows of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathInfo {
    /// Which path.
    pub path: StorePath,
    /// Its size as a NAR: what is sent.
    pub size: u64,
    /// It is named by its own contents, so that nobody need vouch for it.
    pub content_addressed: bool,
    /// Its signatures, `key-name:base64`.
    pub signatures: Vec<String>,
}

impl PathInfo {
    /// Whether it carries a signature of this key. The bytes are checked by the server, the name only here.
    pub fn is_signed_by(&self, key_name: &str) -> bool {
        self.signatures.iter().any(|signature| signature.split(':').next() == Some(key_name))
    }
}

/// The output that is deployed, out of `nix build --json`. A package of several outputs is deployed by `out`, or by
/// `bin` where there is no `out`.
pub fn built_output(answer: &[u8]) -> Result<StorePath, String> {
    let answer: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    let first = answer.as_array().and_then(|list| list.first()).ok_or("nothing was built")?;
    if let Some(path) = first.as_str() {
        return parsed(path);
    }
    let outputs = first.get("outputs").and_then(Value::as_object).ok_or("a build without outputs")?;
    let chosen = ["out", "bin"].iter().find_map(|name| outputs.get(*name));
    let chosen = match chosen {
        Some(path) => path,
        None if outputs.len() == 1 => outputs.values().next().ok_or("no output")?,
        None => {
            let names: Vec<&str> = outputs.keys().map(String::as_str).collect();
            return Err(format!("none of its outputs ({}) is `out` or `bin`", names.join(", ")));
        }
    };
    parsed(chosen.as_str().ok_or("an output without a path")?)
}

/// `nix path-info --json`: a list (to 2.18), a map (2.19 on), or a map below `info` with base names for keys
/// (`--json-format 2` and later). A path that is not valid is left out.
pub fn path_infos(answer: &[u8]) -> Result<Vec<PathInfo>, String> {
    let answer: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    match answer.get("info").unwrap_or(&answer) {
        Value::Array(list) => list
            .iter()
            .filter(|info| info.get("valid") != Some(&Value::Bool(false)))
            .map(|info| {
                path_info(info.get("path").and_then(Value::as_str).ok_or("an entry without path")?, info)
            })
            .collect(),
        Value::Object(map) => map
            .iter()
            .filter(|(_, info)| info.is_object())
            .map(|(path, info)| path_info(path, info))
            .collect(),
        _ => Err("neither a list nor a map".to_owned()),
    }
}

fn path_info(path: &str, info: &Value) -> Result<PathInfo, String> {
    let path = if path.starts_with('/') { parsed(path)? } else { parsed(&format!("/nix/store/{path}"))? };
    let size = info.get("narSize").and_then(Value::as_u64).ok_or_else(|| format!("no size of {path}"))?;
    let content_addressed = info.get("ca").is_some_and(|ca| match ca {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    });
    let signatures = match info.get("signatures") {
        Some(Value::Array(list)) => list.iter().filter_map(signature).collect(),
        _ => Vec::new(),
    };
    Ok(PathInfo { path, size, content_addressed, signatures })
}

/// A text, or (`--json-format 3`) its two halves.
fn signature(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let key = value.get("keyName").and_then(Value::as_str)?;
    Some(format!("{key}:{}", value.get("sig").and_then(Value::as_str).unwrap_or_default()))
}

fn parsed(path: &str) -> Result<StorePath, String> {
    path.parse().map_err(|error| format!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: &str = "/nix/store/khi7sk5pv763ps7zdkni2gyg58lk3fr0-ab";

    #[test]
    fn the_output_of_a_build() {
        for answer in [
            format!(r#"[{{"drvPath":"/nix/store/x.drv","outputs":{{"out":"{OUT}"}}}}]"#),
            format!(
                r#"[{{"drvPath":"/nix/store/x.drv","outputs":{{"dev":"/nix/store/y","out":"{OUT}"}},"startTime":1}}]"#
            ),
            format!(r#"[{{"outputs":{{"bin":"{OUT}","man":"/nix/store/y"}}}}]"#),
            format!(r#"[{{"outputs":{{"only":"{OUT}"}}}}]"#),
            format!(r#"["{OUT}"]"#),
        ] {
            assert_eq!(built_output(answer.as_bytes()).unwrap().as_str(), OUT, "{answer}");
        }
        for answer in
            ["", "[]", "{}", "[{}]", r#"[{"outputs":{}}]"#, r#"[{"outputs":{"out":null}}]"#, "[\"x\"]"]
        {
            assert!(built_output(answer.as_bytes()).is_err(), "{answer}");
        }
        let error = built_output(br#"[{"outputs":{"a":"x","b":"y"}}]"#).unwrap_err();
        assert!(error.contains("(a, b)"), "{error}");
    }

    #[test]
    fn path_infos_of_all_versions() {
        let base = OUT.strip_prefix("/nix/store/").unwrap();
        let signed = PathInfo {
            path: OUT.parse().unwrap(),
            size: 120,
            content_addressed: false,
            signatures: vec!["deploy-1:abc=".into()],
        };
        for answer in [
            format!(
                r#"[{{"path":"{OUT}","narHash":"sha256:x","narSize":120,"references":[],"signatures":["deploy-1:abc="]}}]"#
            ),
            format!(r#"{{"{OUT}":{{"ca":null,"narSize":120,"signatures":["deploy-1:abc="]}}}}"#),
            format!(
                r#"{{"version":2,"storeDir":"/nix/store","info":{{"{base}":{{"ca":null,"narSize":120,"signatures":["deploy-1:abc="]}}}}}}"#
            ),
            format!(
                r#"{{"version":3,"info":{{"{base}":{{"narSize":120,"signatures":[{{"keyName":"deploy-1","sig":"abc="}}]}}}}}}"#
            ),
        ] {
            assert_eq!(path_infos(answer.as_bytes()).unwrap(), std::slice::from_ref(&signed), "{answer}");
        }
        assert!(signed.is_signed_by("deploy-1") && !signed.is_signed_by("deploy"));
        for ca in [r#""fixed:r:sha256:x""#, r#"{"method":"nar"}"#] {
            let answer = format!(r#"{{"{OUT}":{{"ca":{ca},"narSize":1}}}}"#);
            assert!(path_infos(answer.as_bytes()).unwrap()[0].content_addressed, "{answer}");
        }
        for none in [format!(r#"{{"{OUT}":null}}"#), format!(r#"[{{"path":"{OUT}","valid":false}}]"#)] {
            assert_eq!(path_infos(none.as_bytes()).unwrap(), []);
        }
        for bad in ["", "1", r#"{"x":{}}"#, &format!(r#"{{"{OUT}":{{}}}}"#), "[1]"] {
            assert!(path_infos(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
