//! Texts made of pieces of markup, the same in every run.

/// The pieces of a text.
const PIECES: [&str; 78] = [
    "a",
    "word",
    "two words",
    " ",
    " ",
    " ",
    "\n",
    "*",
    "**",
    "***",
    "_",
    "__",
    "___",
    "~~",
    "||",
    "`",
    "``",
    "\\",
    "(",
    ")",
    "[",
    "]",
    "snake_case",
    "_id_field",
    "other_id_",
    "test_test_",
    "1",
    "é",
    "漢",
    "👍",
    "¯\\_(ツ)_/¯",
    "*a*",
    "**b**",
    "_c_",
    "__d__",
    "~~e~~",
    "||f||",
    "`g`",
    "``h`i``",
    "\\*",
    "\\_",
    "\\`",
    "\\é",
    "\\\\",
    "\\a",
    "\\ ",
    "***j***",
    "**k *l* m**",
    "*n **o** p*",
    "__q _r_ s__",
    "_t __u__ v_",
    "```\nw\n```",
    "```rs\nx\n```",
    "```y```",
    "https://example.org/a_b_c",
    "http://example.org/a*b",
    "<https://example.org/d>",
    "https://example.org/e.",
    "[z](https://example.org/)",
    "[z](https://example.org/a\\_b \"t\\*t\")",
    "[**z**](<https://example.org/>)",
    "<@123456789012345678>",
    "<@!123456789012345678>",
    "<#123456789012345678>",
    "<@&123456789012345678>",
    "<:name_1:123456789012345678>",
    "<a:moves:123456789012345678>",
    "<t:1618953630>",
    "<t:-1:R>",
    "<t:99999999999999:F>",
    "</ask me:123456789012345678>",
    "@everyone",
    "@here",
    "<",
    ">",
    "x@here.example",
    "\n> quoted",
    "\n# heading",
];

/// Those of them that are masked links; one also without its difference.
pub(super) const MASKED_LINKS: [&str; 4] = [
    "[z](https://example.org/)",
    "[z](https://example.org/a\\_b \"t\\*t\")",
    "[z](https://example.org/a\\_b \"tt\")",
    "[**z**](<https://example.org/>)",
];

/// A generator of numbers (xorshift64*), so that a failure can be reproduced.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % end
    }
}

/// `count` texts of 1 to 12 pieces.
pub(super) fn texts(count: usize) -> Vec<String> {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let text = |numbers: &mut Numbers| {
        let pieces = 1 + numbers.below(12);
        (0..pieces).map(|_| PIECES[numbers.below(PIECES.len())]).collect::<String>()
    };
    (0..count).map(|_| text(&mut numbers)).collect()
}
