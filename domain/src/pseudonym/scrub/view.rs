//! A normalized view of a text, so that no spelling of an id or address is missed.

/// A letter of the view, and its position in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) letter: char,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The first digits of Unicode's other decimal systems, as far as keyboards have them.
const DIGITS: [u32; 18] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
    0x17e0, 0x1810,
];

/// Above all characters: marks a byte of a percent-encoded one.
const BYTE: u32 = 0x0011_0000;

/// Returns `text` in lower case, with ASCII for full-width letters and for digits of other scripts, without invisible
/// characters, and with percent-encoding and `\u0000` decoded, however often they were applied. In time linear in the
/// length of `text`.
pub(super) fn view(text: &str) -> Vec<Unit> {
    let mut stack = Vec::with_capacity(text.len());
    for (start, letter) in text.char_indices() {
        if let Some(folded) = fold(letter) {
            push(&mut stack, Raw { code: u32::from(folded), start, end: start + letter.len_utf8() });
        }
    }
    let unit = |raw: Raw| Unit {
        letter: char::from_u32(raw.code).unwrap_or(char::REPLACEMENT_CHARACTER),
        start: raw.start,
        end: raw.end,
    };
    stack.into_iter().map(unit).collect()
}

/// Returns the letter as in the view; `None` for an invisible one.
pub(super) fn fold(letter: char) -> Option<char> {
    if letter.is_ascii() {
        return Some(letter.to_ascii_lowercase());
    }
    match letter {
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => None,
        '\u{fe64}' => Some('<'),
        '\u{fe65}' => Some('>'),
        '\u{fe6b}' => Some('@'),
        '\u{2044}' | '\u{2215}' => Some('/'),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).map(|ascii| ascii.to_ascii_lowercase()),
        '\u{1d7ce}'..='\u{1d7ff}' => char::from_digit((u32::from(letter) - 0x1d7ce) % 10, 10),
        _ if letter.is_numeric() => {
            let code = u32::from(letter);
            let digit = DIGITS.iter().find_map(|zero| code.checked_sub(*zero).filter(|digit| *digit < 10));
            Some(digit.and_then(|digit| char::from_digit(digit, 10)).unwrap_or(letter))
        }
        _ => Some(letter),
    }
}

#[derive(Clone, Copy)]
struct Raw {
    code: u32,
    start: usize,
    end: usize,
}

/// Pushes a letter and decodes the sequence that it completes.
fn push(stack: &mut Vec<Raw>, raw: Raw) {
    stack.push(raw);
    while let Some((code, units)) = completed(stack) {
        let first = stack.len() - units;
        let (start, end) = (stack[first].start, stack[stack.len() - 1].end);
        stack.truncate(first);
        match char::from_u32(code).map(fold) {
            Some(Some(letter)) => stack.push(Raw { code: u32::from(letter), start, end }),
            Some(None) => return,
            None => stack.push(Raw { code, start, end }),
        }
    }
}

/// Returns the character that the end of the stack encodes, and its number of units.
fn completed(stack: &[Raw]) -> Option<(u32, usize)> {
    let top = stack.last()?.code;
    if top >= BYTE {
        return (2..=4_usize).find_map(|length| {
            let tail = stack.get(stack.len().checked_sub(length)?..)?;
            let bytes: Vec<u8> = tail.iter().filter_map(|raw| raw.code.checked_sub(BYTE)?.try_into().ok()).collect();
            let text = std::str::from_utf8(&bytes).ok().filter(|_| bytes.len() == length)?;
            let mut letters = text.chars();
            let letter = letters.next().filter(|_| letters.next().is_none())?;
            Some((u32::from(letter), length))
        });
    }
    let hex = |back: usize| {
        let code = stack.get(stack.len().checked_sub(back)?)?.code;
        char::from_u32(code)?.to_digit(16)
    };
    let is =
        |back: usize, letter: char| stack.len().checked_sub(back).is_some_and(|at| stack[at].code == u32::from(letter));
    hex(1)?;
    if is(3, '%') {
        let byte = hex(2)? << 4 | hex(1)?;
        return Some((if byte < 0x80 { byte } else { BYTE + byte }, 3));
    }
    if is(6, '\\') && is(5, 'u') {
        let code = (1..=4).rev().try_fold(0, |code, back| Some(code << 4 | hex(back)?))?;
        return char::from_u32(code).map(|_| (code, 6));
    }
    None
}
