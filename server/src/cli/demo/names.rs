//! The names of invented people, from many parts of the world.

/// Given names and family names that are used together.
type Group = ([&'static str; 8], [&'static str; 8]);

const GROUPS: [Group; 15] = [
    (
        ["amara", "chidi", "ngozi", "tunde", "ifeoma", "kelechi", "adaeze", "emeka"],
        ["okafor", "adeyemi", "balogun", "eze", "nwosu", "obi", "olatunji", "uche"],
    ),
    (
        ["hiroshi", "yuki", "aiko", "kenji", "sakura", "daichi", "haruka", "riku"],
        ["tanaka", "mori", "kobayashi", "hayashi", "ishikawa", "nakano", "ueda", "fujita"],
    ),
    (
        ["ingrid", "lars", "astrid", "bjorn", "freya", "magnus", "solveig", "nils"],
        ["lindqvist", "berglund", "dahl", "nyberg", "solberg", "hedlund", "strand", "ekman"],
    ),
    (
        ["priya", "arjun", "lakshmi", "rohan", "anjali", "vikram", "meera", "sanjay"],
        ["iyer", "chatterjee", "deshpande", "kulkarni", "menon", "banerjee", "rao", "joshi"],
    ),
    (
        ["lucia", "mateo", "ines", "rodrigo", "paloma", "javier", "carmen", "diego"],
        ["ibarra", "quiroga", "villalobos", "cervantes", "montoya", "salcedo", "arroyo", "lozano"],
    ),
    (
        ["leila", "farid", "yasmin", "karim", "samira", "tariq", "nadia", "omar"],
        ["mansour", "khalil", "nasser", "saleh", "darwish", "farouk", "hamdan", "zaki"],
    ),
    (
        ["ewa", "tomasz", "kasia", "marek", "zofia", "piotr", "jagoda", "wojtek"],
        ["kowalczyk", "zielinska", "mazur", "wrona", "sikora", "pawlak", "borowska", "duda"],
    ),
    (
        ["linh", "minh", "thuy", "duc", "huong", "quang", "mai", "tuan"],
        ["nguyen", "pham", "tran", "hoang", "vu", "dang", "bui", "ngo"],
    ),
    (
        ["chiara", "luca", "giulia", "marco", "elisa", "paolo", "silvia", "dario"],
        ["ferraro", "colombo", "gallo", "marchetti", "rinaldi", "vitale", "longo", "serra"],
    ),
    (
        ["aroha", "wiremu", "mere", "tane", "hine", "rangi", "kiri", "manaia"],
        ["parata", "ngata", "tamihana", "kereama", "waaka", "paewai", "rangihuna", "tawhiri"],
    ),
    (
        ["moira", "callum", "isla", "fergus", "eilidh", "hamish", "morag", "lachlan"],
        ["mackinnon", "drummond", "galbraith", "kincaid", "lennox", "rennie", "sutherland", "tulloch"],
    ),
    (
        ["elif", "emre", "zeynep", "kerem", "defne", "baris", "selin", "onur"],
        ["yildiz", "aydin", "demirci", "korkmaz", "sahin", "tekin", "ozkan", "aksoy"],
    ),
    (
        ["jihye", "minjun", "soyeon", "dohyun", "eunji", "taeyang", "nari", "seojun"],
        ["kang", "seo", "hwang", "yoon", "bae", "jang", "noh", "shim"],
    ),
    (
        ["thabo", "naledi", "sipho", "zanele", "lerato", "bongani", "ayanda", "mandla"],
        ["dlamini", "mokoena", "khumalo", "ndlovu", "sithole", "mahlangu", "radebe", "zwane"],
    ),
    (
        ["anouk", "joris", "femke", "sander", "lotte", "bram", "marijke", "wout"],
        ["devries", "vermeer", "kuipers", "hoekstra", "dekker", "brouwer", "postma", "veenstra"],
    ),
];

/// Returns the given name and the family name of the person with this number. The first 960 names differ.
pub(super) fn name(number: usize) -> (&'static str, &'static str) {
    let (given, family) = &GROUPS[number % GROUPS.len()];
    // 7 and 64 have no common divisor, so each of the 64 pairs occurs once.
    let pair = number / GROUPS.len() * 7 % 64;
    (given[pair / 8], family[(pair + pair / 8) % 8])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::name;

    #[test]
    fn no_two_people_have_the_same_name() {
        let names: HashSet<_> = (0..960).map(name).collect();
        assert_eq!(names.len(), 960);
    }
}
