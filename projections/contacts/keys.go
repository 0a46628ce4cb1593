package contacts

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/eventstore"
)

// kindName is the kind of blind key for one word of a name.
const kindName = "name"

// blindKey is how a key is stored: nothing can be read from it, but the same key is found again.
func blindKey(v eventstore.Vault, kind, value string) []byte { return v.Blind("contact "+kind, value) }

// keysOf returns the record's blind keys, sorted: emails, numbers and the words of the name.
func keysOf(v eventstore.Vault, rec domain.Record, values byName[value], p *policy) []string {
	get := func(property string) json.RawMessage {
		v, _ := values.get(property)
		return v.Value
	}
	keys := make([]string, 0, 6)
	for _, k := range p.finder.Keys(rec, get) {
		if k.Kind == identity.KindEmail || k.Kind == identity.KindPhone {
			keys = append(keys, string(blindKey(v, k.Kind, k.Value)))
		}
	}
	for _, name := range p.names[rec.System] {
		for _, word := range words(domain.Scalar(get(name))) {
			keys = append(keys, string(blindKey(v, kindName, word)))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// words splits a name into the lower-case words it is found by.
func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '’'
	})
}
