package aloware

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/duolog/duolog/domain"
)

// Export reads the contacts of a CSV file that was exported from Aloware's screens, line by line: a file of any length
// takes the same memory.
type Export struct {
	csv     *csv.Reader
	columns []Column
}

// Column is a column of the file and the property it is taken for.
type Column struct {
	Header   string `json:"header"`
	Property string `json:"property"` // under its read name; of an unknown header, the header as a slug
}

// Row is a contact of the file.
type Row struct {
	Line       int
	ID         string // empty when the file has none
	Phone      string // as written
	Properties domain.Properties
}

// LineError is a line that cannot be taken. It holds no value.
type LineError struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// ErrHeader: the first line does not say what the columns are.
var ErrHeader = errors.New("the first line of the file")

// headers are the words for properties that are not their names.
var headers = map[string]string{
	"contact_id": "id", "aloware_id": "id", "aloware_contact_id": "id",
	"phone": "phone_number", "number": "phone_number", "primary_phone": "phone_number", "primary_phone_number": "phone_number",
	"email_address": "email", "company": "company_name", "zip": "cnam_zipcode", "zip_code": "cnam_zipcode",
	"postal_code": "cnam_zipcode", "dnc": "is_dnc", "do_not_call": "is_dnc", "birthday": "date_of_birth", "dob": "date_of_birth",
	"custom_field_1": "csf1", "custom_field_2": "csf2", "time_zone": "timezone", "line_type": "lrn_type",
	"contact_disposition_id": "disposition_status_id", "owner_id": "user_id",
}

// NewExport reads the first line. as says of columns what they are, by header, where that is not plain from it.
func NewExport(r io.Reader, as map[string]string) (*Export, error) {
	in := bufio.NewReader(r)
	if mark, _ := in.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = in.Discard(3)
	}
	e := &Export{csv: csv.NewReader(in)}
	e.csv.Comma = separator(in)
	e.csv.ReuseRecord = true
	head, err := e.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w is missing: the file is empty", ErrHeader)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	seen := map[string]string{}
	for _, h := range head {
		c := Column{Header: strings.TrimSpace(h), Property: propertyOf(h, as)}
		if other, twice := seen[c.Property]; twice && c.Property != "" {
			return nil, fmt.Errorf("%w has two columns for %s: %q and %q", ErrHeader, c.Property, other, c.Header)
		}
		seen[c.Property] = c.Header
		e.columns = append(e.columns, c)
	}
	_, id := seen["id"]
	if _, phone := seen["phone_number"]; !id && !phone {
		return nil, fmt.Errorf("%w has no column id and none phone_number; say which one it is", ErrHeader)
	}
	return e, nil
}

// separator is what stands between the columns: spreadsheets of some countries write semicolons.
func separator(in *bufio.Reader) rune {
	line, _ := in.Peek(in.Size())
	head, _, _ := strings.Cut(string(line), "\n")
	best, most := ',', 0
	for _, sep := range ",;\t" {
		if n := strings.Count(head, string(sep)); n > most {
			best, most = sep, n
		}
	}
	return best
}

// propertyOf is the property a header means.
func propertyOf(header string, as map[string]string) string {
	if name, ok := as[strings.TrimSpace(header)]; ok {
		return ReadName(name)
	}
	s := slug(header)
	if name, ok := headers[s]; ok {
		return name
	}
	return ReadName(s)
}

// slug writes a header as Aloware writes the names of custom attributes.
func slug(header string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(header) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	return strings.Trim(b.String(), "_")
}

// Columns are the columns as they are taken, in their order.
func (e *Export) Columns() []Column { return e.columns }

// Has reports a column of the property.
func (e *Export) Has(property string) bool {
	for _, c := range e.columns {
		if c.Property == property {
			return true
		}
	}
	return false
}

// Next returns the next contact, io.EOF behind the last, and a *LineError for a line that cannot be taken: the one after
// it may be.
func (e *Export) Next() (Row, error) {
	cells, err := e.csv.Read()
	var bad *csv.ParseError
	switch {
	case errors.As(err, &bad):
		return Row{}, &LineError{Line: bad.Line, Reason: bad.Err.Error()}
	case err != nil:
		return Row{}, err
	}
	line, _ := e.csv.FieldPos(0)
	row := Row{Line: line, Properties: domain.Properties{}}
	for i, cell := range cells {
		c := e.columns[i]
		if c.Property == "" {
			continue
		}
		value, reason := valueOf(c.Property, cell)
		if reason != "" {
			return Row{}, &LineError{Line: line, Reason: c.Property + " " + reason}
		}
		row.Properties[c.Property] = value
	}
	row.ID, row.Phone = recordID(row.Properties), scalar(row.Properties["phone_number"])
	if row.ID == "" {
		if scalar(row.Properties["id"]) != "" {
			return Row{}, &LineError{Line: line, Reason: "the id is none of Aloware's"}
		}
		delete(row.Properties, "id")
	}
	if row.ID == "" && row.Phone == "" {
		return Row{}, &LineError{Line: line, Reason: "neither an id nor a phone number"}
	}
	return row, nil
}

// valueOf is a cell as Aloware's API would show it.
func valueOf(property, cell string) (v json.RawMessage, reason string) {
	if !utf8.ValidString(cell) || strings.ContainsRune(cell, 0) {
		return nil, "is not UTF-8 text; export the file as UTF-8"
	}
	cell = strings.TrimSpace(cell)
	if rest, quoted := strings.CutPrefix(cell, "'"); quoted && strings.HasPrefix(rest, "+") {
		cell = rest // a spreadsheet's sign that the number is text
	}
	if cell == "" {
		return json.RawMessage("null"), ""
	}
	if kindOf[property] == domain.Bool {
		return yesOrNo(cell)
	}
	if kindOf[property] == domain.Number {
		if strings.Trim(cell, "0123456789") != "" || len(cell) > 18 || len(cell) > 1 && cell[0] == '0' {
			return nil, "is no number"
		}
		return json.RawMessage(cell), ""
	}
	b, err := json.Marshal(cell)
	if err != nil {
		return nil, "is not text"
	}
	return b, ""
}

func yesOrNo(cell string) (v json.RawMessage, reason string) {
	switch strings.ToLower(cell) {
	case "1", "true", "yes", "y":
		return json.RawMessage("true"), ""
	case "0", "false", "no", "n":
		return json.RawMessage("false"), ""
	}
	return nil, "is neither yes nor no"
}

// kindOf is the type of each documented property, by its read name.
var kindOf = func() map[string]domain.Type {
	m := make(map[string]domain.Type, len(properties))
	for _, p := range properties {
		m[ReadName(p.name)] = p.kind
	}
	m["id"] = domain.Text // checked as an id
	return m
}()
