package settings

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// maxFilter bounds an expression, and with it the depth of its parentheses, in bytes.
const maxFilter = 2000

// token is a word, a quoted text or one of = != ( ).
type token struct {
	text   string
	quoted bool
}

func (t token) is(word string) bool { return !t.quoted && strings.EqualFold(t.text, word) }

func tokenize(text string) ([]token, error) {
	if len(text) > maxFilter {
		return nil, errors.New("the expression is too long")
	}
	var tokens []token
	for rest := strings.TrimLeftFunc(text, unicode.IsSpace); rest != ""; {
		t, n, err := next(rest)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		rest = strings.TrimLeftFunc(rest[n:], unicode.IsSpace)
	}
	return tokens, nil
}

// next returns the first token of a text that starts with one, and its length.
func next(s string) (token, int, error) {
	switch {
	case strings.HasPrefix(s, "!="):
		return token{text: "!="}, 2, nil
	case strings.ContainsAny(s[:1], "=()"):
		return token{text: s[:1]}, 1, nil
	case s[0] == '"':
		return quoted(s)
	}
	n := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`=()"!`, r) })
	switch n {
	case -1:
		return token{text: s}, len(s), nil
	case 0:
		return token{}, 0, errors.New("! stands only before =")
	}
	return token{text: s[:n]}, n, nil
}

func quoted(s string) (token, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return token{text: b.String(), quoted: true}, i + 1, nil
		case '\\':
			if i++; i == len(s) {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return token{}, 0, errors.New("a quote is not closed")
}

type filterParser struct {
	tokens []token
	at     int
}

// take returns the next token, the zero token at the end.
func (p *filterParser) take() token {
	if p.at == len(p.tokens) {
		return token{quoted: true}
	}
	p.at++
	return p.tokens[p.at-1]
}

func (p *filterParser) accept(word string) bool {
	ok := p.at < len(p.tokens) && p.tokens[p.at].is(word)
	if ok {
		p.at++
	}
	return ok
}

func (p *filterParser) or() (node, error) { return p.chain("or", p.and) }

func (p *filterParser) and() (node, error) { return p.chain("and", p.term) }

// chain reads operands with the word between them.
func (p *filterParser) chain(word string, operand func() (node, error)) (node, error) {
	left, err := operand()
	for err == nil && p.accept(word) {
		var right node
		right, err = operand()
		left = &junction{all: word == "and", left: left, right: right}
	}
	return left, err
}

func (p *filterParser) term() (node, error) {
	if !p.accept("(") {
		return p.comparison()
	}
	inner, err := p.or()
	if err == nil && !p.accept(")") {
		err = errors.New("a parenthesis is not closed")
	}
	return inner, err
}

func (p *filterParser) comparison() (node, error) {
	field := p.take()
	if field.quoted || strings.ContainsAny(field.text, "=()!") || field.is("and") || field.is("or") {
		return nil, errors.New("expected the name of a field")
	}
	c := &comparison{field: field.text}
	switch {
	case p.accept("is"):
		return c, p.state(c)
	case p.accept("="):
	case p.accept("!="):
		c.negate = true
	default:
		return nil, fmt.Errorf("expected =, != or is after %s", field.text)
	}
	return c, p.value(c)
}

func (p *filterParser) state(c *comparison) error {
	switch {
	case p.accept("known"):
		return nil
	case p.accept("unknown"):
		c.negate = true
		return nil
	}
	return fmt.Errorf("expected known or unknown after %s is", c.field)
}

// value reads one word or a quoted text.
func (p *filterParser) value(c *comparison) error {
	t := p.take()
	if t.text == "" || !t.quoted && strings.ContainsAny(t.text, "=()!") {
		return fmt.Errorf("expected a value after %s: write is known or is unknown for blank ones", c.field)
	}
	c.value = t.text
	return nil
}
