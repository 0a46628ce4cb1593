package domain

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// What is read without encoding/json is what encoding/json reads.
func TestPlainTextIsWhatJSONReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(rapid.String().Draw(t, "text"))
		if rapid.Bool().Draw(t, "encoded") {
			raw, _ = json.Marshal(string(raw))
		} else {
			raw = append(append([]byte{'"'}, rapid.SliceOf(rapid.SampledFrom([]byte("a\" \\u0041\n\xff\xc3é"))).Draw(t, "raw")...), '"')
		}
		got, ok := plainText(raw)
		if !ok {
			return
		}
		var want string
		if err := json.Unmarshal(raw, &want); err != nil || got != want {
			t.Errorf("%q is %q, not %q, %v", raw, got, want, err)
		}
	})
}

func TestMostTextsArePlain(t *testing.T) {
	for _, raw := range []string{`"Zoë Smith"`, `"(212) 555-0132"`, `""`, `"2024-01-31"`} {
		if _, ok := plainText([]byte(raw)); !ok {
			t.Errorf("%s takes the long way", raw)
		}
	}
	for _, raw := range []string{`"a\"b"`, `"é`, `12`, `"`, "\"a\nb\"", "\"\xff\""} {
		if text, ok := plainText([]byte(raw)); ok {
			t.Errorf("%s is read as %q", raw, text)
		}
	}
}
