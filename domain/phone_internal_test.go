package domain

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is taken as it stands is what the parser would have made of it, whatever the region.
func TestAPlainNumberIsReadAsTheParserReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := fmt.Sprintf("%010d", rapid.Int64Range(0, 9_999_999_999).Draw(t, "number"))
		if rapid.IntRange(0, 9).Draw(t, "filler") == 0 {
			digits = strings.Repeat(digits[:1], len(digits))
		}
		text, region := "+1"+digits, rapid.SampledFrom([]string{"US", "CA", "GB", "JM", ""}).Draw(t, "region")
		if !plainNorthAmerican(text) {
			return
		}
		if _, e164, err := recognise(text, region); err != nil || e164 != text {
			t.Errorf("%s in %q is %q, %v to the parser", text, region, e164, err)
		}
	})
}
