package treehead_test

import (
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore/treehead"
)

// FuzzHead: what reads as a head is the only text of it, and what a key has signed is what it signed.
func FuzzHead(f *testing.F) {
	for _, text := range []string{
		sample, strings.Replace(sample, "5212", "05212", 1), strings.Replace(sample, "/2\n", "/-2\n", 1),
		strings.Replace(sample, "default\n", "\n", 1), strings.Replace(sample, "2026-11-19", "0001-01-01", 1),
		strings.ReplaceAll(sample, "\n", "\r\n"), sample + sample, strings.TrimSuffix(sample, "\n"), "\n\n", "",
	} {
		f.Add(text)
	}
	verifier, err := treehead.Verifier(sampleKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := treehead.Parse(text)
		if err == nil && !strings.HasPrefix(text, h.Text()+"\n") {
			t.Errorf("%q reads as %q", text, h.Text())
		}
		if opened, err := treehead.Open(text, verifier); err == nil && (opened != head() || opened != h) {
			t.Errorf("opened as %+v, read as %+v", opened, h)
		}
	})
}

// FuzzKey: a public key is read as what it names, or refused.
func FuzzKey(f *testing.F) {
	for _, text := range []string{sampleKey, sampleKey + "\n", "duolog-default+cd537f9c+", "a+b+c", "", "+++"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := treehead.Verifier(text)
		if err != nil {
			return
		}
		name, hash, _ := strings.Cut(treehead.ID(v), "+")
		rest, ok := strings.CutPrefix(strings.TrimSpace(text), name+"+")
		if !ok || !strings.EqualFold(rest[:min(9, len(rest))], hash+"+") {
			t.Errorf("%q is taken for %s", text, treehead.ID(v))
		}
	})
}
