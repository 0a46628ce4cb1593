package domain_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/domain"
)

func aloware(f domain.Format) domain.Format {
	f.System = domain.Aloware
	return f
}

func hubspot(f domain.Format) domain.Format {
	f.System = domain.HubSpot
	return f
}

func losAngeles(t *testing.T) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestCanonical(t *testing.T) {
	var hs, al domain.Format
	hs, al = hubspot(hs), aloware(al)
	american := domain.Format{System: domain.Aloware, Layout: "01/02/2006"}
	naive := domain.Format{System: domain.Aloware, Layout: "2006-01-02 15:04:05", Zone: losAngeles(t)}
	tiers := map[string]string{"gold": "Gold", "silver": "Silver", "plated": "Silver"}
	mapped := domain.Format{System: domain.Aloware, Values: tiers}

	for _, c := range []struct {
		t    domain.Type
		f    domain.Format
		raw  string
		want string // "!" and a part of the reason: invalid
	}{
		{domain.Text, hs, `  `, ""},
		{domain.Text, hs, ``, ""},
		{domain.Text, hs, `null`, ""},
		{domain.Text, hs, `" \t\u00a0\u200b "`, ""},
		{domain.Text, hs, `"  Zoë  Smith\u202c"`, "Zoë  Smith"},
		{domain.Text, hs, `"\u200fمی\u200cخواهم"`, "می\u200cخواهم"},
		{domain.Text, al, `12.50`, "12.50"},
		{domain.Text, al, `true`, "true"},
		{domain.Text, al, `{"a":1}`, "!object"},
		{domain.Text, al, `["a"]`, "!list"},
		{domain.Text, al, `{"a":`, "!not JSON"},

		{domain.Number, hs, `"1500.00"`, "1500"},
		{domain.Number, al, `1500.0`, "1500"},
		{domain.Number, hs, `"-0"`, "0"},
		{domain.Number, hs, `"-0.50"`, "-0.5"},
		{domain.Number, hs, `"+007"`, "7"},
		{domain.Number, hs, `".5"`, "0.5"},
		{domain.Number, al, `1.5e3`, "1500"},
		{domain.Number, al, `15E-4`, "0.0015"},
		{domain.Number, al, `0e999`, "0"},
		{domain.Number, hs, `"90071992547409931"`, "90071992547409931"},
		{domain.Number, hs, `"1,500"`, "!plain decimal"},
		{domain.Number, hs, `"1 500"`, "!plain decimal"},
		{domain.Number, hs, `"."`, "!plain decimal"},
		{domain.Number, hs, `"--1"`, "!plain decimal"},
		{domain.Number, hs, `"NaN"`, "!plain decimal"},
		{domain.Number, al, `1e101`, "!too many digits"},
		{domain.Number, al, `1e99999999999999999999`, "!exponent"},
		{domain.Number, al, `true`, "!not a number"},

		{domain.Date, hs, `"2024-02-29"`, "2024-02-29"},
		{domain.Date, hs, `"1709164800000"`, "2024-02-29"},
		{domain.Date, hs, `-86400000`, "1969-12-31"},
		{domain.Date, hs, `"1709164800001"`, "!midnight UTC"},
		{domain.Date, al, `1709164800000`, "!not a date"},
		{domain.Date, american, `"02/29/2024"`, "2024-02-29"},
		{domain.Date, american, `"2024-02-29"`, "2024-02-29"},
		{domain.Date, al, `"2024-02-29T00:00:00.000000Z"`, "2024-02-29"},
		{domain.Date, al, `"2024-02-29 00:00:00"`, "2024-02-29"},
		{domain.Date, al, `"2024-02-29 07:00:00"`, "!time of day"},
		{domain.Date, al, `"0000-00-00"`, ""},
		{domain.Date, al, `"2023-02-29"`, "!not a date"},
		{domain.Date, al, `"0000-01-01"`, "!year"},

		{domain.Datetime, hs, `"2024-02-29T10:00:00.5Z"`, "2024-02-29T10:00:00.500Z"},
		{domain.Datetime, hs, `"1709200800123"`, "2024-02-29T10:00:00.123Z"},
		{domain.Datetime, hs, `"2024-02-29T12:00:00+02:00"`, "2024-02-29T10:00:00.000Z"},
		{domain.Datetime, al, `"2024-02-29 10:00:00"`, "2024-02-29T10:00:00.000Z"},
		{domain.Datetime, naive, `"2024-02-29 02:00:00"`, "2024-02-29T10:00:00.000Z"},
		{domain.Datetime, al, `"2024-02-29"`, "!date with time"},
		{domain.Datetime, al, `1709200800`, "!date with time"},
		{domain.Datetime, hs, `"999999999999999999"`, "!year"},

		{domain.Bool, hs, `"true"`, "true"},
		{domain.Bool, al, `1`, "true"},
		{domain.Bool, al, `"0"`, "false"},
		{domain.Bool, al, `"Yes"`, "true"},
		{domain.Bool, al, `false`, "false"},
		{domain.Bool, al, `""`, ""},
		{domain.Bool, al, `2`, "!none of"},

		{domain.Enumeration, hs, `"b; a;;b;"`, "a;b"},
		{domain.Enumeration, al, `["b","a"]`, "a;b"},
		{domain.Enumeration, al, `[]`, ""},
		{domain.Enumeration, hs, `";"`, ""},
		{domain.Enumeration, mapped, `"gold"`, "Gold"},
		{domain.Enumeration, mapped, `"plated;silver"`, "Silver"},
		{domain.Enumeration, mapped, `"Gold"`, "!value map"},
		{domain.Enumeration, al, `["a;b"]`, "!value map"},

		{domain.Email, hs, `" Zoë.Smith@Example.COM\u200b"`, "zoë.smith@example.com"},
		{domain.Email, hs, `"a\u200db@example.com"`, "ab@example.com"},
		{domain.Email, hs, `"a@b"`, "!domain"},
		{domain.Email, hs, `"a@b..com"`, "!domain"},
		{domain.Email, hs, `"@b.com"`, "!name@domain"},
		{domain.Email, hs, `"a@b@c.com"`, "!name@domain"},
		{domain.Email, hs, `"Ann <a@b.com>"`, "!character"},
		{domain.Email, hs, `"a@b.com,c@d.com"`, "!name@domain"},
		{domain.Email, hs, `"` + strings.Repeat("a", 65) + `@b.com"`, "!too long"},

		{domain.Owner, hs, `"7"`, "!not known yet"},
		{domain.Type("shoe"), hs, `"x"`, "!no such type"},
	} {
		got, err := domain.Canonical(c.t, json.RawMessage(c.raw), c.f)
		check(t, string(c.t)+" "+c.raw, got, err, c.want)
	}
}

// check compares a canonical text, or with "!" the reason why there is none.
func check(t *testing.T, what, got string, err error, want string) {
	t.Helper()
	reason, refused := strings.CutPrefix(want, "!")
	if !refused {
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", what, got, err, want)
		}
		return
	}
	var bad *domain.InvalidError
	if !errors.As(err, &bad) || !strings.Contains(bad.Reason, reason) {
		t.Errorf("%s: got %q, %v, want an error about %q", what, got, err, reason)
	}
}

func TestRender(t *testing.T) {
	var hs, al domain.Format
	hs, al = hubspot(hs), aloware(al)
	american := domain.Format{System: domain.Aloware, Layout: "01/02/2006"}
	naive := domain.Format{System: domain.Aloware, Layout: "2006-01-02 15:04:05", Zone: losAngeles(t)}
	mapped := domain.Format{System: domain.Aloware, Values: map[string]string{"z": "Silver", "b": "Silver", "g": "Gold"}}

	for _, c := range []struct {
		t         domain.Type
		f         domain.Format
		canonical string
		want      string // "!" and a part of the reason: invalid
	}{
		{domain.Text, hs, `Smith & <Sons> "x"`, `"Smith & <Sons> \"x\""`},
		{domain.Text, al, "", `""`},
		{domain.Number, hs, "1500.5", `"1500.5"`},
		{domain.Number, al, "1500.5", `1500.5`},
		{domain.Number, al, "x", `!plain decimal`},
		{domain.Bool, hs, "true", `"true"`},
		{domain.Bool, al, "false", `false`},
		{domain.Bool, al, "x", `!neither`},
		{domain.Bool, al, "", `""`},
		{domain.Date, hs, "2024-02-29", `"2024-02-29"`},
		{domain.Date, american, "2024-02-29", `"02/29/2024"`},
		{domain.Date, american, "02/29/2024", `!canonical`},
		{domain.Datetime, hs, "2024-02-29T10:00:00.500Z", `"2024-02-29T10:00:00.500Z"`},
		{domain.Datetime, naive, "2024-02-29T10:00:00.000Z", `"2024-02-29 02:00:00"`},
		{domain.Datetime, naive, "2024-02-29", `!canonical`},
		{domain.Enumeration, hs, "Gold;Silver", `"Gold;Silver"`},
		{domain.Enumeration, mapped, "Gold;Silver", `"g;b"`},
		{domain.Enumeration, mapped, "Bronze", `!no counterpart`},
		{domain.Phone, al, "+18182124567", `"+18182124567"`},
		{domain.Type("shoe"), al, "x", "!no such type"},
	} {
		got, err := domain.Render(c.t, c.canonical, c.f)
		check(t, string(c.t)+" "+c.canonical, string(got), err, c.want)
	}
}

// The reason for a refusal goes into logs and decisions: it must not carry what was refused.
func TestInvalidTellsNoValue(t *testing.T) {
	const secret = "Zaphod-77-secret"
	for _, typ := range everyType {
		if typ == domain.Text || typ == domain.Enumeration {
			continue
		}
		_, err := domain.Canonical(typ, json.RawMessage(`"`+secret+`"`), domain.Format{Layout: "2006"})
		if err == nil || strings.Contains(err.Error(), "77") || strings.Contains(err.Error(), "Zaphod") {
			t.Errorf("%s: %v", typ, err)
		}
	}
	_, err := domain.Render(domain.Enumeration, secret, domain.Format{Values: map[string]string{"a": "b"}})
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("render: %v", err)
	}
}
