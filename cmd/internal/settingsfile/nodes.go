package settingsfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/duolog/duolog/domain/settings"
)

// maxFile bounds a settings file, in bytes.
const maxFile = 1 << 20

// load returns the mapping at the top of the one document; an empty file is an empty mapping.
func load(data []byte) (*yaml.Node, *settings.Fault) {
	whole := func(line int, found, fix string) *settings.Fault {
		return &settings.Fault{Field: "file", Found: found, Wanted: "one YAML mapping", Fix: fix, Line: line}
	}
	if len(data) > maxFile {
		return nil, whole(0, "more than 1 MiB", "")
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	if err != nil {
		line, text := cutLine(strings.TrimPrefix(err.Error(), "yaml: "))
		return nil, whole(line, text, "check indentation and quotes")
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, whole(more.Line, "a second document", "remove the line ---")
	}
	if len(doc.Content) != 1 {
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	top := doc.Content[0]
	if isNull(top) {
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	if top.Kind != yaml.MappingNode {
		return nil, whole(top.Line, nodeWord(top), "begin with a line such as preset: recommended")
	}
	return top, nil
}

// cutLine takes the line number off the front of the YAML parser's message, which leaves it out on the first line
// and for an alias to nothing.
func cutLine(message string) (line int, text string) {
	rest, ok := strings.CutPrefix(message, "line ")
	number, text, more := strings.Cut(rest, ": ")
	line, err := strconv.Atoi(number)
	if !ok || !more || err != nil {
		line, text = 1, message
	}
	if strings.Contains(message, "unknown anchor") {
		line = 0
	}
	return line, strings.TrimPrefix(text, "found ")
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func nodeWord(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a block of keys"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	}
	return "a single value"
}

// handler takes the node of one key; path is where it stands.
type handler func(path string, n *yaml.Node)

// mapping gives each key of a mapping to its handler. An unknown key, or one written twice, is a fault.
func (p *parser) mapping(path string, n *yaml.Node, keys map[string]handler) {
	p.each(path, n, func(key, at *yaml.Node, keyPath string) {
		if handle, ok := keys[key.Value]; ok {
			handle(keyPath, at)
			return
		}
		known := slices.Sorted(maps.Keys(keys))
		fix := "remove it"
		if near := settings.Nearest(key.Value, known); near != "" {
			fix = "did you mean " + near + "?"
		}
		p.fault(keyPath, key.Line, fmt.Sprintf("unknown key %q", key.Value), strings.Join(known, ", "), fix)
	})
}

// each calls fn for the pairs of a mapping, after noting their lines. Nothing at all is an empty mapping.
func (p *parser) each(path string, n *yaml.Node, fn func(key, value *yaml.Node, path string)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.fault(path, n.Line, nodeWord(n), "a block of keys", "indent the keys below it")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		if key.Kind != yaml.ScalarNode {
			p.fault(path, key.Line, nodeWord(key)+" as a key", "a word", "")
			continue
		}
		if first, twice := seen[key.Value]; twice {
			p.fault(at, key.Line, fmt.Sprintf("%q a second time", key.Value), "each key once",
				fmt.Sprintf("see line %d", first))
			continue
		}
		seen[key.Value] = key.Line
		p.lines[at] = key.Line
		fn(key, value, at)
	}
}

// scalar returns the text of a single value; ok is false, with a fault, for anything else.
func (p *parser) scalar(path string, n *yaml.Node, wanted string) (string, bool) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		p.fault(path, n.Line, nodeWord(n), wanted, "")
		return "", false
	}
	return n.Value, true
}

// text makes a handler that stores a single value; what it may be is Validate's question.
func text[T ~string](p *parser, to *T) handler {
	return func(path string, n *yaml.Node) {
		if v, ok := p.scalar(path, n, "a single value"); ok {
			*to = T(v)
		}
	}
}

func (p *parser) direction(to *settings.Direction) handler {
	return func(path string, n *yaml.Node) {
		v, ok := p.scalar(path, n, "both, to_aloware or to_hubspot")
		if !ok {
			return
		}
		*to = settings.Direction(v)
		if d, err := settings.ParseDirection(v); err == nil {
			*to = d
		}
	}
}

func (p *parser) layout(to *string) handler {
	return func(path string, n *yaml.Node) {
		if v, ok := p.scalar(path, n, "a format such as YYYY-MM-DD"); ok {
			*to = settings.ParseLayout(v)
		}
	}
}

// number makes a handler for a whole number, with a unit after it allowed to be there.
func (p *parser) number(to *int, unit string) handler {
	return func(path string, n *yaml.Node) {
		v, ok := p.scalar(path, n, "a whole number")
		if !ok {
			return
		}
		i, err := strconv.Atoi(without(v, unit))
		if err != nil || i < 0 {
			p.fault(path, n.Line, v, "a whole number", "")
			return
		}
		*to = i
	}
}

func without(text, unit string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), unit))
}

// decimal makes a handler for a number, with a unit after it allowed to be there.
func (p *parser) decimal(to *float64, unit string) handler {
	return func(path string, n *yaml.Node) {
		v, ok := p.scalar(path, n, "a number")
		if !ok {
			return
		}
		f, err := strconv.ParseFloat(without(v, unit), 64)
		if err != nil {
			p.fault(path, n.Line, v, "a number", "")
			return
		}
		*to = f
	}
}

func (p *parser) boolean(to *bool) handler {
	return func(path string, n *yaml.Node) {
		v, ok := p.scalar(path, n, "true or false")
		if !ok {
			return
		}
		switch v {
		case "true":
			*to = true
		case "false":
			*to = false
		default:
			p.fault(path, n.Line, v, "true or false", "")
		}
	}
}

func (p *parser) list(to *[]string) handler {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			p.fault(path, n.Line, nodeWord(n), "a list", "write it as [a, b]")
			return
		}
		*to = []string{}
		for _, item := range n.Content {
			if v, ok := p.scalar(path, item, "a single word"); ok {
				*to = append(*to, v)
			}
		}
	}
}

// table makes a handler for pairs of texts.
func (p *parser) table(to *map[string]string) handler {
	return func(path string, n *yaml.Node) {
		*to = nil
		p.each(path, n, func(key, value *yaml.Node, at string) {
			v, ok := p.scalar(at, value, "a single value")
			if !ok {
				return
			}
			if *to == nil {
				*to = map[string]string{}
			}
			(*to)[key.Value] = v
		})
	}
}
