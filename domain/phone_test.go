package domain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
)

// Every case here once gave somebody a wrong number, a duplicate or a crash.
func TestPhone(t *testing.T) {
	for _, c := range []struct{ text, region, want string }{
		{"8181234567", "US", "+18181234567"}, // Aloware's own sample: possible, not valid
		{"(818) 212-4567", "US", "+18182124567"},
		{"1-818-212-4567", "US", "+18182124567"},
		{"+1 818 212 4567", "GB", "+18182124567"},
		{"818.212.4567x12", "US", "+18182124567"},
		{"0033176360695", "US", "+33176360695"},
		{"0012125551234", "US", "+12125551234"},
		{"004721234567", "US", "+4721234567"},
		{"33176360695", "US", "+33176360695"},
		{"39236618300", "US", "!digits"}, // as +39 only possible: a guess must be valid
		{"376712345", "US", "!digits"},   // a digit short here, valid in Andorra
		{"18182124567", "GB", "+18182124567"},
		{"437-555-1234 (Jane's Number)", "US", "!cannot be read"},
		{"818-212-4567 / 818-212-4568", "US", "!cannot be read"},
		{"8182124567.0", "US", "!spreadsheet"},
		{"8.182124567E9", "US", "!spreadsheet"},
		{"8.182124567E+09", "US", "!spreadsheet"},
		{"818.212.4567", "US", "+18182124567"},
		{"\u202a+18182124567\u202c", "US", "+18182124567"},
		{"+1818\u200d2124567", "US", "+18182124567"},
		{"818\u00a0212\u00a04567", "US", "+18182124567"},
		{"８１８２１２４５６７", "US", "+18182124567"},
		{"1-800-FLOWERS", "US", "+18003569377"},
		{"212-5512 Bob", "US", "!words"},
		{"anonymous", "US", ""},
		{"Restricted", "US", ""},
		{"", "US", ""},
		{"+266696687", "US", "!digits"},
		{"555-1234", "US", "!digits"},
		{"0000000000", "US", "!"},
		{"1111111111", "US", "!filler"},
		{"+19999999999", "US", "!filler"},
		{"1234567890", "US", "!filler"},
		{"202-555-0100", "US", "+12025550100"},
		{"+5215512345678", "US", "!digits"},
		{"+551161234567", "US", "+551161234567"},
		{"+5491123456789", "US", "+5491123456789"},
		{"+541123456789", "US", "+541123456789"},
		{"+390236618300", "US", "+390236618300"},
		{"+39236618300", "US", "+39236618300"},
		{"+4600070873226", "GB", "!unambiguous"}, // loses a zero each time it is read
		{strings.Repeat("8", 101), "US", "!too long"},
	} {
		raw, err := json.Marshal(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := domain.Canonical(domain.Phone, raw, domain.Format{Region: c.region})
		check(t, c.text+" in "+c.region, got, err, c.want)
	}
}

func TestPhoneAsJSONNumber(t *testing.T) {
	us := domain.Format{Region: "US", System: domain.Aloware}
	for raw, want := range map[string]string{
		"8182124567": "+18182124567", "8182124567.0": "!spreadsheet", "8.182124567e9": "!spreadsheet", "true": "!phone",
	} {
		got, err := domain.Canonical(domain.Phone, json.RawMessage(raw), us)
		check(t, raw, got, err, want)
	}
}

func TestParsePhoneKeepsWhatE164Drops(t *testing.T) {
	p, err := domain.ParsePhone("818.212.4567x12", "US")
	want := domain.PhoneNumber{E164: "+18182124567", Ext: "12", Region: "US", Valid: true}
	if err != nil || p != want {
		t.Errorf("got %+v, %v, want %+v", p, err, want)
	}
	p, err = domain.ParsePhone("8181234567", "US")
	if err != nil || p.Valid {
		t.Errorf("an unassigned exchange: got %+v, %v, want only possible", p, err)
	}
}
