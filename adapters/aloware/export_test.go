package aloware_test

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/aloware"
)

func rowsOf(t *testing.T, text string, as map[string]string) (rows []aloware.Row, bad []string) {
	t.Helper()
	e, err := aloware.NewExport(strings.NewReader(text), as)
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := e.Next()
		var line *aloware.LineError
		switch {
		case errors.Is(err, io.EOF):
			return rows, bad
		case errors.As(err, &line):
			bad = append(bad, line.Error())
		case err != nil:
			t.Fatal(err)
		default:
			rows = append(rows, row)
		}
	}
}

// TestExport: headers are taken for the properties they name, values are written as Aloware's API shows them, and a line
// that cannot be taken is told by its number, without its values.
func TestExport(t *testing.T) {
	rows, bad := rowsOf(t, "\xef\xbb\xbfContact ID;First Name;Phone;City;Zip code;DNC;Shoe size;Tel 2\r\n"+
		"7;Ada;'+12125550142;\"Turin;\nItaly\";;yes;38;5\r\n"+
		"8;Bob;1;2\r\n"+
		";;;;;;;\r\n"+
		"9;Eve;(212) 555-0143;;00501;perhaps;;\r\n"+
		";Max;+12125550144;;;no;;\r\n", map[string]string{"Tel 2": "csf2"})
	want := []string{
		"line 4: wrong number of fields", "line 5: neither an id nor a phone number", "line 6: is_dnc is neither yes nor no",
	}
	if !slices.Equal(bad, want) {
		t.Errorf("%q, want %q", bad, want)
	}
	if len(rows) != 2 || rows[0].ID != "7" || rows[0].Line != 2 || rows[1].ID != "" || rows[1].Phone != "+12125550144" {
		t.Fatalf("%+v", rows)
	}
	got, err := json.Marshal(rows[0].Properties)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"cnam_city":"Turin;\nItaly","cnam_zipcode":null,"csf2":"5","first_name":"Ada","id":"7","is_dnc":true,` +
		`"phone_number":"+12125550142","shoe_size":"38"}`; string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestExportHeader: a file that does not say what its columns are is refused as a whole.
func TestExportHeader(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "the first line of the file is missing: the file is empty",
		"name,email\nA,b@c.d": "the first line of the file has no column id and none phone_number; say which one it is",
		"phone,Phone Number":  `the first line of the file has two columns for phone_number: "phone" and "Phone Number"`,
	} {
		if _, err := aloware.NewExport(strings.NewReader(text), nil); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzExport: whatever the file holds, each line is a contact with an id or a number and values that are JSON, or an
// error; and the end is reached.
func FuzzExport(f *testing.F) {
	f.Add("id,phone_number,is_dnc\n1,+12125550142,yes\n")
	f.Add("Phone;City\n\"a\"b;c\n'+1;\n")
	f.Add("id\tphone\n\x00\t\xff\n")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := aloware.NewExport(strings.NewReader(text), nil)
		if err != nil {
			return
		}
		for range len(text) + 1 {
			row, err := e.Next()
			var line *aloware.LineError
			if errors.As(err, &line) {
				continue
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if row.ID == "" && row.Phone == "" {
				t.Fatalf("line %d is nobody", row.Line)
			}
			for name, v := range row.Properties {
				if !json.Valid(v) {
					t.Fatalf("line %d: %s is not JSON", row.Line, name)
				}
			}
		}
		t.Fatal("no end")
	})
}
