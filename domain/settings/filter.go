package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
)

// Filter says which contacts take part in mode pilot. The zero filter matches everyone.
type Filter struct {
	root node
}

// node is a part of a filter. get returns a field's canonical text, false when nothing is known of it.
type node interface {
	match(get func(field string) (string, bool)) bool
	// walk calls fn for each comparison, which may be changed.
	walk(fn func(*comparison) error) error
}

// NoOne is the filter that matches nobody.
var NoOne = Filter{root: never{}}

type never struct{}

func (never) match(func(string) (string, bool)) bool { return false }

func (never) walk(func(*comparison) error) error { return nil }

type comparison struct {
	field  string
	value  string // "" in known and unknown
	negate bool   // != or unknown
}

type junction struct {
	all         bool // and; otherwise or
	left, right node
}

// match treats a blank field and one nothing is known of alike: it equals no value and differs from each.
func (c *comparison) match(get func(string) (string, bool)) bool {
	value, known := get(c.field)
	if c.value == "" {
		return (known && value != "") != c.negate
	}
	return (known && value == c.value) != c.negate
}

func (c *comparison) walk(fn func(*comparison) error) error { return fn(c) }

func (j *junction) match(get func(string) (string, bool)) bool {
	if j.all {
		return j.left.match(get) && j.right.match(get)
	}
	return j.left.match(get) || j.right.match(get)
}

func (j *junction) walk(fn func(*comparison) error) error {
	return errors.Join(j.left.walk(fn), j.right.walk(fn))
}

// Match reports whether a contact takes part; get returns the canonical text of a field.
func (f Filter) Match(get func(field string) (string, bool)) bool {
	return f.root == nil || f.root.match(get)
}

// Fields lists, sorted, the fields the filter looks at.
func (f Filter) Fields() []string {
	var names []string
	if f.root != nil {
		_ = f.root.walk(func(c *comparison) error {
			names = append(names, c.field)
			return nil
		})
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ParseFilter reads an expression such as
//
//	city = Oakland and (email is known or company_name != "Acme Inc.")
//
// with FIELD = VALUE, FIELD != VALUE, FIELD is known, FIELD is unknown, and, or, parentheses; and binds tighter than
// or. Values with spaces stand in quotes. The values are compared as written; Settings.ParseFilter compares
// canonically. The empty text is the filter that matches everyone.
func ParseFilter(text string) (Filter, error) {
	tokens, err := tokenize(text)
	if err != nil || len(tokens) == 0 {
		return Filter{}, err
	}
	p := filterParser{tokens: tokens}
	root, err := p.or()
	if err == nil && p.at < len(p.tokens) {
		err = errors.New("expected and, or or the end after a comparison")
	}
	if err != nil {
		return Filter{}, err
	}
	return Filter{root: root}, nil
}

// ParseFilter reads a filter over the mapped fields, which may be called by HubSpot's names as well, with each value in its field's canonical form: a phone may be
// written nationally, a number with needless zeros.
func (s Settings) ParseFilter(text string) (Filter, error) {
	f, err := ParseFilter(text)
	if err != nil || f.root == nil {
		return f, err
	}
	return f, f.root.walk(func(c *comparison) error {
		field, ok := s.Named(c.field)
		if !ok {
			return fmt.Errorf("%q is not a mapped field%s", c.field, didYouMean(c.field, s.names()))
		}
		c.field = field.Name
		return c.canonical(field, s)
	})
}

// canonical reads the value as HubSpot writes it, whose forms are Duolog's own.
func (c *comparison) canonical(field Field, s Settings) error {
	if c.value == "" {
		return nil
	}
	raw, err := json.Marshal(c.value)
	if err != nil {
		return fmt.Errorf("value of %s: %w", c.field, err)
	}
	t := field.Type
	if t == domain.Owner {
		t = domain.Email // people are named by their emails
	}
	value, err := domain.Canonical(t, raw, field.Format(domain.HubSpot, s.Env()))
	if err == nil && value == "" {
		err = errors.New("is blank: write is unknown")
	}
	if err != nil {
		return fmt.Errorf("value of %s: %w", c.field, err)
	}
	c.value = value
	return nil
}

func (s Settings) names() []string {
	names := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		names[i] = f.Name
	}
	return names
}

// String returns the expression with every junction in parentheses.
func (f Filter) String() string {
	if f.root == nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(nodeText(f.root), "("), ")")
}

func nodeText(n node) string {
	switch n := n.(type) {
	case *junction:
		word := " or "
		if n.all {
			word = " and "
		}
		return "(" + nodeText(n.left) + word + nodeText(n.right) + ")"
	case *comparison:
		return n.String()
	}
	return ""
}

func (c *comparison) String() string {
	word := map[bool]string{false: "=", true: "!="}[c.negate]
	if c.value == "" {
		return c.field + map[bool]string{false: " is known", true: " is unknown"}[c.negate]
	}
	return c.field + " " + word + ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.value) + `"`
}
