package lang

import "strings"

// Wrap breaks a text into lines of at most width columns: at blanks, and
// between wide characters, but not in front of one that closes. A word that is
// wider stays whole. A width below 20 leaves the text alone.
func Wrap(text string, width int) []string {
	if width < 20 || Width(text) <= width {
		return []string{text}
	}
	var lines []string
	var line strings.Builder
	used := 0
	for _, word := range words(text) {
		n := Width(strings.TrimRight(word, " "))
		if used > 0 && used+n > width {
			lines = append(lines, strings.TrimRight(line.String(), " "))
			line.Reset()
			used = 0
		}
		line.WriteString(word)
		used += Width(word)
	}
	return append(lines, strings.TrimRight(line.String(), " "))
}

// words cuts a text where it may be broken; each piece ends with its blanks.
func words(text string) []string {
	var list []string
	start := 0
	var last rune
	for i, r := range text {
		breaks := last == ' ' && r != ' ' || (wide(last) || wide(r)) && last != 0 && r != ' ' && !strings.ContainsRune(closers, r) && !strings.ContainsRune(openers, last)
		if breaks && i > start {
			list = append(list, text[start:i])
			start = i
		}
		last = r
	}
	return append(list, text[start:])
}

// closers do not begin a line, openers do not end one (JIS X 4051).
const (
	closers = "、。，．・：；？！）」』】〕ー々ゃゅょっャュョッぁぃぅぇぉァィゥェォ),.:;?!]}"
	openers = "（「『【〔([{"
)

func wide(r rune) bool { return Width(string(r)) == 2 }
