package scale

import (
	"regexp"
	"slices"
	"strings"

	"github.com/duolog/duolog/eventstore"
)

// mold is a text with holes, each filled by one of the values that tell a copy from its pattern.
type mold []piece

// piece is a text, and behind it the number of a value, or none.
type piece struct {
	text  string
	value int
}

const none = -1

// fill pours the values in.
func (m mold) fill(values []string) string {
	if len(m) == 1 && m[0].value == none {
		return m[0].text
	}
	var b strings.Builder
	for _, p := range m {
		b.WriteString(p.text)
		if p.value != none {
			b.WriteString(values[p.value])
		}
	}
	return b.String()
}

// molder makes molds: it knows every text that is another one in each copy.
type molder struct {
	numbers map[string]int // of values, by the pattern's text
	find    *regexp.Regexp
}

// newMolder numbers the texts in their order; of equal ones the first counts.
func newMolder(texts []string) molder {
	m := molder{numbers: map[string]int{}}
	var all []string
	for i, t := range texts {
		if _, ok := m.numbers[t]; !ok {
			m.numbers[t] = i
			all = append(all, regexp.QuoteMeta(t))
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // the longest fits first
	m.find = regexp.MustCompile(strings.Join(all, "|"))
	return m
}

func (m molder) mold(text string) mold {
	var out mold
	at := 0
	for _, hit := range m.find.FindAllStringIndex(text, -1) {
		out = append(out, piece{text[at:hit[0]], m.numbers[text[hit[0]:hit[1]]]})
		at = hit[1]
	}
	if at < len(text) || len(out) == 0 {
		out = append(out, piece{text[at:], none})
	}
	return out
}

// cell is a column's value in a copy.
type cell struct {
	kind   eventstore.Kind
	mold   mold // of a text, of the decimal digits of a number, of bytes
	sealed bool
	blind  int // of a blind token, else none
}

// row is a row of a table in a copy.
type row struct {
	table  int
	cells  []cell
	record int // the cell that says whose key seals another one
}
