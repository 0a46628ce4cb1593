package aloware

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// complaint is what a 4xx answer says. Aloware uses three shapes: {"error": text}, {"message": text} and
// {"errors": {field: [text]}}; message and errors may come together.
type complaint struct {
	text   string
	fields map[string]string
}

func readComplaint(body []byte) complaint {
	var raw struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Errors  json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return complaint{}
	}
	out := complaint{text: firstText(raw.Error), fields: map[string]string{}}
	var byField map[string]json.RawMessage
	// Errors of another shape name no field; the text says what there is to say.
	_ = json.Unmarshal(raw.Errors, &byField)
	if out.text == "" {
		out.text = firstText(raw.Message)
	}
	for field, texts := range byField {
		// An item of a list is named other_phone_numbers.0
		name, _, _ := strings.Cut(field, ".")
		out.fields[name] = plain(firstText(texts))
	}
	if out.text == "" && len(out.fields) > 0 {
		first := slices.Min(slices.Collect(maps.Keys(out.fields)))
		out.text = out.fields[first]
	}
	return out
}

func firstText(raw json.RawMessage) string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil && len(many) > 0 {
		return many[0]
	}
	return ""
}

// notFound reports whether a 404 says that the contact does not exist, and not that the address does not.
func (c complaint) notFound() bool {
	text := strings.ToLower(c.text)
	return strings.Contains(text, "contact") && strings.Contains(text, "not found")
}

// vocabulary are the words of the messages Aloware and its framework's validation are known to use.
var vocabulary = func() map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(`a already an and api array at be been boolean characters contact data date does
		email empty error exists failed field fields format found given greater has integer invalid is least less long
		many match may missing must name no not number of one only or phone required selected string taken than
		the time timezone token too unique unknown user valid value was with address attempts unauthenticated`) {
		m[word] = true
	}
	for _, p := range properties {
		for part := range strings.SplitSeq(p.name, "_") {
			m[part] = true
		}
	}
	return m
}()

// plain keeps the words of a vendor's message that are in the vocabulary: a message may quote a value, and no error
// holds one.
func plain(text string) string {
	words := strings.Fields(text)
	for i, word := range words {
		bare := strings.ToLower(strings.TrimFunc(word, unicode.IsPunct))
		if !vocabulary[strings.ReplaceAll(bare, "_", "")] && !known(bare) {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}

func known(name string) bool {
	_, ok := byName[name]
	return ok
}
