package aloware

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// core are the keys every full contact carries, blank or not. A body without one of them is no full snapshot, and a
// missing property in it is not blank but untold.
var core = []string{"phone_number", "first_name", "last_name", "email"}

var errNoID = errors.New("the contact has no id")

// contact is a contact as Aloware shows it.
type contact struct {
	record     domain.Record
	properties domain.Properties
}

// readContact reads a contact object. A contact without an id is an error, errNoID: it has no stream.
func readContact(raw json.RawMessage) (contact, error) {
	var props domain.Properties
	if err := json.Unmarshal(raw, &props); err != nil || props == nil {
		return contact{}, errors.New("it is not a contact")
	}
	id := recordID(props)
	if id == "" {
		return contact{}, errNoID
	}
	return contact{record: domain.Record{System: domain.Aloware, ID: id}, properties: props}, nil
}

// recordID returns the id as text, and none when it could not stand in a stream name or is the phone itself.
func recordID(props domain.Properties) string {
	id := scalar(props["id"])
	if id == "" || len(id) > 64 || strings.Trim(id, idAlphabet) != "" {
		return ""
	}
	if digits := onlyDigits(scalar(props["phone_number"])); len(digits) >= 7 && digits == id {
		return ""
	}
	return id
}

const idAlphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func (c contact) complete() bool {
	for _, name := range core {
		if _, ok := c.properties[name]; !ok {
			return false
		}
	}
	return true
}

func (c contact) snapshot(clock int64) adapters.Snapshot {
	return adapters.Snapshot{Record: c.record, Properties: c.properties, Clock: clock}
}

// scalar returns a JSON scalar as text: null and anything that is no scalar are empty.
func scalar(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || bytes.Equal(raw, []byte("null")) {
		return ""
	}
	if raw[0] != '"' {
		return string(raw)
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}
