package aloware

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/duolog/duolog/domain"
)

// holds reports whether a contact already shows the value written under the name: the same text, whatever JSON type
// carries it. A doubt counts as different, which costs a write and never loses one.
func (c contact) holds(name string, want json.RawMessage) bool {
	return c.shows(ReadName(name), name, want)
}

// shortestCut is from how many characters on a text that is the beginning of ours may be ours, cut off. Nobody documents
// how long Aloware's columns are; a person who shortens a name leaves less.
const shortestCut = 32

// mayRender reports whether what the contact shows as a property may be Aloware's spelling of a value that was written: the
// same letters and digits in the same order, perhaps cut off. What is no plain text is not looked into.
func (c contact) mayRender(property string, want json.RawMessage) bool {
	shown, ok := c.properties[property]
	if !ok || compound(shown) || compound(want) {
		return ok
	}
	ours, theirs := letters(scalar(want)), letters(scalar(shown))
	return theirs != "" && (ours == theirs || utf8.RuneCountInString(theirs) >= shortestCut && strings.HasPrefix(ours, theirs))
}

// letters is what a change of case, spaces and punctuation leaves of a text.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// holdsSent reports whether the contact holds every value of a create that can be sent at all.
func (c contact) holdsSent(values map[string]json.RawMessage) bool {
	send, _ := sendable(values)
	for name, v := range send {
		if !c.holds(name, v) {
			return false
		}
	}
	return true
}

// shows is holds for a property that is read under another name than the adapter's own.
func (c contact) shows(property, name string, want json.RawMessage) bool {
	shown, ok := c.properties[property]
	if !ok {
		return blank(want)
	}
	if list, isList := texts(shown); isList {
		return holdsAll(list, want)
	}
	if compound(shown) || compound(want) {
		return bytes.Equal(compact(shown), compact(want))
	}
	kind := byName[name].kind
	return canonical(kind, scalar(shown)) == canonical(kind, scalar(want))
}

// canonical renders text of a type so that Aloware's own spellings of one value are equal: 1 and true, a date with a
// midnight behind it, a phone with and without punctuation.
func canonical(kind domain.Type, text string) string {
	switch kind {
	case domain.Bool:
		switch strings.ToLower(text) {
		case "1", "true", "yes":
			return "true"
		case "0", "false", "no":
			return "false"
		}
	case domain.Date:
		if len(text) > 10 && text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == ' ') {
			return text[:10]
		}
	case domain.Phone:
		return onlyDigits(text)
	default: // the text as it is
	}
	return text
}

func blank(raw json.RawMessage) bool { return !compound(raw) && scalar(raw) == "" }

func compound(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && (raw[0] == '{' || raw[0] == '[')
}

func compact(raw json.RawMessage) []byte {
	var out bytes.Buffer
	if json.Compact(&out, raw) != nil {
		return raw
	}
	return out.Bytes()
}

// holdsAll compares a list that is shown, such as tags, with what is written: a list or comma-separated names.
// Whether forms adds or replaces is not documented, so it is enough that each name written is shown.
func holdsAll(shown []string, want json.RawMessage) bool {
	names, isList := texts(want)
	if !isList {
		names = strings.Split(scalar(want), ",")
	}
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(shown, name) {
			return false
		}
	}
	return true
}

// texts reads a JSON list of scalars, or of objects with a name or a phone_number.
func texts(raw json.RawMessage) ([]string, bool) {
	var items []json.RawMessage
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) || json.Unmarshal(raw, &items) != nil {
		return nil, false
	}
	var out []string
	for _, item := range items {
		text := scalar(item)
		var named struct {
			Name  string `json:"name"`
			Phone string `json:"phone_number"`
		}
		if compound(item) && json.Unmarshal(item, &named) == nil {
			text = named.Name + named.Phone
		}
		out = append(out, text)
	}
	return out, true
}
