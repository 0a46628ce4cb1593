package settingsfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/duolog/duolog/domain/settings"
)

// Assignment sets one key of the settings: "contacts.create", "city.conflict", "fields.job_title". Value is written as
// in the file, lists and tables included.
type Assignment struct{ Key, Value string }

// ParseAssignment reads "KEY=VALUE".
func ParseAssignment(text string) (Assignment, error) {
	key, value, ok := strings.Cut(text, "=")
	if key = strings.TrimSpace(key); !ok || key == "" {
		return Assignment{}, fmt.Errorf("%q is not KEY=VALUE, as in contacts.create=both", text)
	}
	return Assignment{Key: key, Value: strings.TrimSpace(value)}, nil
}

// Set returns settings with some keys set, as if the file of s had been edited so. The error is an *Error without lines.
func Set(s settings.Settings, changes ...Assignment) (settings.Settings, error) {
	root, fault := load(Format(s, Header{}))
	if fault != nil {
		return settings.Settings{}, &Error{Faults: []settings.Fault{*fault}}
	}
	p := &parser{lines: map[string]int{}}
	top := p.keys()
	for _, c := range changes {
		if !utf8.ValidString(c.Key + c.Value) {
			return settings.Settings{}, &Error{Faults: []settings.Fault{{
				Field: strings.ToValidUTF8(c.Key, "?"), Found: strings.ToValidUTF8(c.Value, "?"), Wanted: "text in UTF-8",
				Fix: "set the terminal to UTF-8 and type it again",
			}}}
		}
		path := strings.Split(c.Key, ".")
		if _, known := top[path[0]]; !known {
			if f, ok := s.Named(path[0]); ok {
				path = append([]string{"fields", f.Name}, path[1:]...)
			}
		}
		if err := put(root, path, c.Value); err != nil {
			return settings.Settings{}, &Error{Faults: []settings.Fault{{
				Field: c.Key, Found: c.Value, Wanted: "a value as in the file", Fix: err.Error(),
			}}}
		}
	}
	file, err := yaml.Marshal(root)
	if err != nil {
		return settings.Settings{}, fmt.Errorf("write the settings: %w", err)
	}
	out, _, err := Parse(file)
	return out, withoutLines(err)
}

// withoutLines takes the lines off faults: they are of a file nobody sees.
func withoutLines(err error) error {
	if bad, ok := err.(*Error); ok { //nolint:errorlint // Parse returns no other, unwrapped
		for i := range bad.Faults {
			bad.Faults[i].Line = 0
		}
	}
	return err
}

// put sets the value at a path below a mapping, making what is missing on the way. A field in its short form becomes a
// block.
func put(n *yaml.Node, path []string, value string) error {
	for i, key := range path {
		next := find(n, key)
		if next == nil {
			next = &yaml.Node{Kind: yaml.MappingNode}
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, next)
		}
		if i == len(path)-1 {
			v, err := valueNode(value)
			if err == nil {
				*next = *v
			}
			return err
		}
		if next.Kind != yaml.MappingNode {
			short := *next
			*next = yaml.Node{Kind: yaml.MappingNode}
			if i == 1 && path[0] == "fields" {
				next.Content = []*yaml.Node{{Kind: yaml.ScalarNode, Value: "hubspot"}, &short}
			}
		}
		n = next
	}
	return nil
}

// valueNode reads a value as it would stand in the file. Nothing at all is an empty text.
func valueNode(text string) (*yaml.Node, error) {
	if text == "" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle}, nil
	}
	var doc yaml.Node
	readable := yaml.Unmarshal([]byte(text), &doc) == nil && len(doc.Content) == 1
	if !readable || doc.Content[0].Kind == yaml.MappingNode && doc.Content[0].Style != yaml.FlowStyle {
		// What YAML would take for a key or a comment is meant as the text it is: a filter with a colon.
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: yaml.DoubleQuotedStyle}, nil
	}
	return doc.Content[0], nil
}

// ParseJSON is Parse for a JSON object of the file's shape. Its faults have no lines.
func ParseJSON(data []byte) (s settings.Settings, basedOn int, err error) {
	if len(data) > maxFile {
		return s, 0, &Error{Faults: []settings.Fault{{Field: "file", Found: "more than 1 MiB", Wanted: "one JSON object"}}}
	}
	var whole map[string]any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&whole); err != nil || dec.More() {
		return s, 0, &Error{Faults: []settings.Fault{{
			Field: "file", Found: "something else", Wanted: "one JSON object", Fix: "send the settings file as JSON",
		}}}
	}
	file, err := yaml.Marshal(plain(whole))
	if err != nil {
		return s, 0, fmt.Errorf("read the settings: %w", err)
	}
	s, basedOn, err = Parse(file)
	return s, basedOn, withoutLines(err)
}

// plain turns numbers, which YAML would quote, into nodes.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}
