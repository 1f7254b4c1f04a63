//! The single values of shipit.toml that are not names of the model. Each is checked while it is read, so that
//! the error points at it.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};
use toml::Spanned;

use super::checks::{authority, host_key, public_key, url};
use crate::model::names::{AssetPath, UnitName};

/// A value that is written as text. It is parsed inside the visitor, not by `try_from`: that way an error in a list
/// points at the element and not at the list.
macro_rules! text {
    ($(#[$doc:meta])* $type:ident($inner:ty), $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type(pub $inner);

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("text in quotes")
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                        let parse: fn(&str) -> Result<$inner, String> = $parse;
                        parse(text).map($type).map_err(E::custom)
                    }
                }
                from.deserialize_str(Text)
            }
        }
    };
}

/// A value that is a whole number of a range.
macro_rules! number {
    ($(#[$doc:meta])* $type:ident($inner:ty), $least:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type(pub $inner);

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Number;
                impl Visitor<'_> for Number {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("a whole number from ", $least, " to ", $most))
                    }

                    fn visit_i64<E: Error>(self, number: i64) -> Result<$type, E> {
                        match <$inner>::try_from(number) {
                            Ok(fine @ $least..=$most) => Ok($type(fine)),
                            _ => Err(E::invalid_value(Unexpected::Signed(number), &self)),
                        }
                    }
                }
                from.deserialize_i64(Number)
            }
        }
    };
}

number!(
    /// How many releases stay: current at least.
    Keep(u32), 1, 1000
);
number!(
    /// An HTTP status.
    Status(u16), 100, 599
);
text!(
    /// A unit's name, with its ending.
    Unit(UnitName), |text| {
        text.parse().map_err(|error| {
            let other = [".socket", ".timer", ".target", ".path", ".slice"].iter().any(|end| text.ends_with(end));
            match format!("{text}.service").parse::<UnitName>() {
                Ok(proposal) if !other && !text.ends_with(".service") => format!("{error}: write \"{proposal}\""),
                _ => format!("{error}"),
            }
        })
    }
);
text!(
    /// A path of the commit.
    Asset(AssetPath), |text| {
        text.parse().map_err(|error| match text.strip_suffix('/').filter(|path| path.parse::<AssetPath>().is_ok()) {
            Some(proposal) => format!("asset {text:?} ends in /: write {proposal:?}"),
            None => format!("{error}"),
        })
    }
);
text!(
    /// A file of the laptop: absolute, below `~/`, or relative to shipit.toml.
    FilePath(String), |text| {
        if text.is_empty() { return Err("file \"\" is empty".to_owned()); }
        if text.len() > 1000 { return Err("the file's name is too long".to_owned()); }
        if text.chars().any(char::is_control) { return Err(format!("file {text:?} has a control character")); }
        if text.starts_with('~') && !text.starts_with("~/") {
            return Err(format!("file {text:?} begins with ~: only ~/ is understood"));
        }
        if text.ends_with('/') { return Err(format!("file {text:?} is a folder")); }
        Ok(text.to_owned())
    }
);
text!(
    /// A word of a command.
    Word(String), |text| {
        if text.is_empty() { return Err("a word of a command can't be empty".to_owned()); }
        if text.len() > 4000 { return Err("this word is longer than 4000 bytes".to_owned()); }
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err("a word of a command can't have a line break or another control character".to_owned());
        }
        Ok(text.to_owned())
    }
);
text!(
    /// The Host header: a name or an address, perhaps with a port.
    HeaderHost(String), |text| match authority(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(why) => Err(format!("the Host header {why}: write it like \"www.example.org\"")),
    }
);
text!(
    /// What the health check asks for.
    HttpUrl(String), |text| match url(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(why) => Err(format!("the URL {why}: write it like \"http://127.0.0.1:3000/health\"")),
    }
);
text!(
    /// Where people see the app.
    PublicUrl(String), |text| match url(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(why) => Err(format!("the app's URL {why}: write it like \"https://www.example.org\"")),
    }
);
text!(
    /// A public key as known_hosts has it, `type base64`; a comment behind it is dropped.
    HostKey(String), host_key
);
text!(
    /// The public half of a signing key, as nix.conf has it.
    PublicKey(String), public_key
);

/// Several values, each with its place.
#[derive(Debug, Clone)]
pub struct List<T>(pub Vec<Spanned<T>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list in [ ]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = elements.next_element()? {
                    list.push(element);
                }
                Ok(List(list))
            }
        }
        from.deserialize_seq(Elements(PhantomData))
    }
}
