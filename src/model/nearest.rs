//! What was probably meant by a misspelt name.

/// The name that was probably meant.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The comparison takes the product of both lengths.
    let typed: String = typed.chars().take(100).collect();
    let most = (typed.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&typed, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["host", "keep", "health", "hooks"];
        assert_eq!(nearest("hots", names), Some("host"));
        assert_eq!(nearest("helth", names), Some("health"));
        assert_eq!(nearest("port", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), names), None);
    }
}
