package domain

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is read without the parser is read as the parser reads it.
func TestACommonNumberIsReadAsTheParserReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := fmt.Sprintf("%010d", rapid.Int64Range(0, 9_999_999_999).Draw(t, "number"))
		if rapid.IntRange(0, 9).Draw(t, "filler") == 0 {
			digits = strings.Repeat(digits[:1], len(digits))
		}
		text := "+1" + digits
		if rapid.Bool().Draw(t, "national") {
			text = ""
			for _, d := range digits {
				text += string(d) + rapid.SampledFrom([]string{"", "", "", "-", " ", "(", ")", ") ", ".", "x"}).Draw(t, "between")
			}
			text = rapid.SampledFrom([]string{"", "", "(", " ", "-", "1"}).Draw(t, "before") + text
		}
		region := rapid.SampledFrom([]string{"US", "CA", "GB", "JM", ""}).Draw(t, "region")
		fast, ok := northAmerican(text, region)
		if !ok {
			return
		}
		if _, e164, err := recognise(text, region); err != nil || e164 != fast {
			t.Errorf("%q in %q is %q, %v to the parser, not %q", text, region, e164, err, fast)
		}
	})
}

// The number of most people is among them.
func TestCommonNumbersAreReadWithoutTheParser(t *testing.T) {
	for _, text := range []string{"+12125550132", "2125550132", "(212) 555-0132", "212-555-0132", "212 555 0132"} {
		if got, ok := northAmerican(text, "US"); !ok || got != "+12125550132" {
			t.Errorf("%q is %q, %v", text, got, ok)
		}
	}
	if got, ok := northAmerican("(212) 555-0132", "GB"); ok {
		t.Errorf("a British number is %q", got)
	}
}
