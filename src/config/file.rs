//! What shipit.toml may say: each key may be left out, each value knows its place.

use serde::Deserialize;
use toml::Spanned;

use super::duration::Limit;
use super::values::{
    Asset, FilePath, HeaderHost, HostKey, HttpUrl, Keep, List, PublicKey, PublicUrl, Status, Unit, Word,
};
use crate::model::names::{AppName, HostName, PackageName, RootPath, System};

/// `self` where it says something, `base` where it does not.
pub trait Over {
    /// Lays one over the other, key by key.
    fn over(self, base: Self) -> Self;
}

impl<T> Over for Option<Spanned<T>> {
    fn over(self, base: Self) -> Self {
        self.or(base)
    }
}

/// A table: its struct, the list of its keys and how one is laid over another, all from one list, so that none
/// can know a key that the others don't.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$key_doc:meta])* $key:ident: $type:ty,)* }
     $(tables { $($(#[$table_doc:meta])* $table:ident: $table_type:ty,)* })?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields, expecting = "a table")]
        pub struct $name {
            $($(#[$key_doc])* pub $key: Option<Spanned<$type>>,)*
            $($($(#[$table_doc])* pub $table: Option<$table_type>,)*)?
        }

        impl $name {
            /// The names of its values.
            pub const KEYS: &[&str] = &[$(stringify!($key)),*];
            $(
                /// The names of its tables, each with its keys.
                pub const TABLES: &[(&str, &[&str])] = &[$((stringify!($table), <$table_type>::KEYS)),*];
            )?
        }

        impl Over for $name {
            fn over(self, base: Self) -> Self {
                $name {
                    $($key: self.$key.over(base.$key),)*
                    $($($table: self.$table.over(base.$table),)*)?
                }
            }
        }

        impl Over for Option<$name> {
            fn over(self, base: Self) -> Self {
                match (self, base) {
                    (Some(this), Some(base)) => Some(this.over(base)),
                    (this, base) => this.or(base),
                }
            }
        }
    };
}

table! {
    /// What the top level and each `[environments.NAME]` may say.
    Keys {
        /// The app's name.
        app: AppName,
        /// Where it is deployed to.
        host: HostName,
        /// Which of the flake's packages.
        package: PackageName,
        /// For which system it is built.
        system: System,
        /// The app's folder on the server.
        root: RootPath,
        /// The unit that runs it.
        unit: Unit,
        /// What of the commit lies beside `result`.
        assets: List<Asset>,
        /// How many healthy releases stay.
        keep: Keep,
        /// The app's public address.
        url: PublicUrl,
    }
    tables {
        /// How the connection is made.
        ssh: Ssh,
        /// How closures are signed.
        sign: Sign,
        /// What "it works" means.
        health: Health,
        /// What runs around the switch.
        hooks: Hooks,
    }
}

table! {
    /// `[ssh]`
    Ssh {
        /// An ssh_config in place of the user's.
        config: FilePath,
        /// The server's public key.
        host_key: HostKey,
    }
}

table! {
    /// `[sign]`
    Sign {
        /// The secret key.
        key_file: FilePath,
        /// The public half of the key that `--from` believes.
        public_key: PublicKey,
    }
}

table! {
    /// `[health]`
    Health {
        /// What is asked.
        http: HttpUrl,
        /// The Host header.
        host: HeaderHost,
        /// Which answers are healthy.
        status: List<Status>,
        /// How long the release has.
        within: Limit,
        /// How long the unit must stay up.
        settle: Limit,
    }
}

table! {
    /// `[hooks]`
    Hooks {
        /// A program and its words.
        before_switch: List<Word>,
        /// How long it may take.
        timeout: Limit,
    }
}
