package domain_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
)

var everyType = []domain.Type{
	domain.Text, domain.Number, domain.Date, domain.Datetime, domain.Bool, domain.Enumeration, domain.Phone,
	domain.Email,
}

// formats are those of both systems that keep every value of the type.
func formats(t domain.Type) []domain.Format {
	east := time.FixedZone("east", 5*60*60+45*60)
	fs := []domain.Format{{System: domain.HubSpot, Region: "US"}, {System: domain.Aloware, Region: "GB"}}
	switch t {
	case domain.Date:
		fs = append(fs,
			domain.Format{System: domain.Aloware, Layout: "01/02/2006"},
			domain.Format{System: domain.HubSpot, Layout: "2 January 2006"})
	case domain.Datetime:
		fs = append(fs,
			domain.Format{System: domain.Aloware, Layout: "2006-01-02 15:04:05.000", Zone: east},
			domain.Format{System: domain.Aloware, Zone: east})
	case domain.Enumeration:
		fs = append(fs, domain.Format{System: domain.Aloware, Values: tiers})
	}
	return fs
}

var tiers = map[string]string{"gold": "Gold", "silver": "Silver", "plated": "Silver", "none": "None"}

// raws draws raw values, mostly of the type.
func raws(t domain.Type) *rapid.Generator[string] {
	anything := rapid.OneOf(quotedBy(rapid.String()), rapid.SampledFrom([]string{
		`null`, `""`, `true`, `false`, `0`, `-0.0`, `1e3`, `[]`, `["a"]`, `{}`, `"\u200b"`, `"0000-00-00"`,
	}))
	return rapid.OneOf(shaped(t), shaped(t), anything)
}

func shaped(t domain.Type) *rapid.Generator[string] {
	switch t {
	case domain.Number:
		return quotedBy(rapid.StringMatching(`[+-]?[0-9]{1,30}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,2})?`))
	case domain.Date:
		return quotedBy(rapid.Map(rapid.Int64Range(-60_000, 2_900_000), func(days int64) string {
			return time.Unix(days*86400, 0).UTC().Format("2006-01-02")
		}))
	case domain.Datetime:
		return quotedBy(rapid.Map(rapid.Int64Range(-60e12, 250e12), func(ms int64) string {
			return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
		}))
	case domain.Bool:
		return rapid.SampledFrom([]string{`true`, `false`, `1`, `0`, `"yes"`, `"No"`, `" TRUE "`})
	case domain.Enumeration:
		return quotedBy(rapid.StringMatching(`((Gold|Silver|None|gold|plated) ?;?){1,4}`))
	case domain.Phone:
		return quotedBy(rapid.StringMatching(`(\+|00|\+1|\+44|\+39|\+52 1|1)?[ (.-]?[2-9][0-9]{2}[ ).-]{0,2}[0-9]{3,8}`))
	case domain.Email:
		return quotedBy(rapid.StringMatching(` ?[a-zA-Z.İẞ+]{1,20}@[a-zA-Z-]{1,10}\.[a-zA-Z]{2,6} ?`))
	}
	return quotedBy(rapid.StringMatching(`\s?\pL{1,8}[ \x{200d}\x{301}]\pL{0,8}[\s\x{200e}]?`))
}

func quotedBy(g *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Map(g, func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		return string(b)
	})
}

// laws checks what makes a mapping a lens, up to the canonical form: what was read and is written back reads the
// same (GetPut), and what is written into either system reads back (PutGet), unless that system refuses it.
func laws(t domain.Type, raw json.RawMessage, from domain.Format) (canonical string, err error) {
	canonical, invalid := domain.Canonical(t, raw, from)
	if invalid != nil {
		return "", nil
	}
	own := domain.Format{System: domain.HubSpot, Region: from.Region}
	plain, err := json.Marshal(canonical)
	if err != nil {
		return "", fmt.Errorf("canonical text: %w", err)
	}
	again, err := domain.Canonical(t, plain, own)
	if err != nil || again != canonical {
		return "", fmt.Errorf("canonical form is not its own: %q became %q, %w", canonical, again, err)
	}
	for _, f := range append(formats(t), from) {
		sent, err := domain.Render(t, canonical, f)
		if err != nil {
			if f.Values != nil && from.Values == nil {
				continue // the value map has no counterpart: refused, not changed
			}
			return "", fmt.Errorf("%q cannot be written to %s: %w", canonical, f.System, err)
		}
		if !json.Valid(sent) {
			return "", fmt.Errorf("%q written as %s, which is not JSON", canonical, sent)
		}
		back, err := domain.Canonical(t, sent, f)
		if err != nil || back != canonical {
			return "", fmt.Errorf("%q written to %s as %s reads back as %q, %w", canonical, f.System, sent, back, err)
		}
	}
	return canonical, nil
}

func TestLensLaws(t *testing.T) {
	for _, typ := range everyType {
		t.Run(string(typ), func(t *testing.T) {
			known := 0
			rapid.Check(t, func(t *rapid.T) {
				raw := raws(typ).Draw(t, "raw")
				from := rapid.SampledFrom(formats(typ)).Draw(t, "format")
				canonical, err := laws(typ, json.RawMessage(raw), from)
				if err != nil {
					t.Fatal(err)
				}
				if canonical != "" {
					known++
				}
			})
			if known == 0 {
				t.Error("no value of the type was ever drawn: the laws were not tested")
			}
		})
	}
}

func fuzz(f *testing.F, typ domain.Type, seeds ...string) {
	f.Helper()
	for _, s := range append(seeds, `null`, `""`, `"\u202a"`, `[1]`, `{`) {
		f.Add([]byte(s), uint8(0))
		f.Add([]byte(s), uint8(1))
	}
	all := formats(typ)
	f.Fuzz(func(t *testing.T, raw []byte, which uint8) {
		if _, err := laws(typ, raw, all[int(which)%len(all)]); err != nil {
			t.Error(err)
		}
	})
}

func FuzzText(f *testing.F)     { fuzz(f, domain.Text, `"Zoë \u200d"`, `1.50`) }
func FuzzNumber(f *testing.F)   { fuzz(f, domain.Number, `"1500.00"`, `-1e-7`) }
func FuzzDate(f *testing.F)     { fuzz(f, domain.Date, `"2024-02-29"`, `"1709164800000"`, `"02/29/2024"`) }
func FuzzDatetime(f *testing.F) { fuzz(f, domain.Datetime, `"2024-02-29T10:00:00+02:00"`, `"1"`) }
func FuzzBool(f *testing.F)     { fuzz(f, domain.Bool, `"yes"`, `0`) }
func FuzzEnumeration(f *testing.F) {
	fuzz(f, domain.Enumeration, `"a;b"`, `["gold","silver"]`)
}

func FuzzPhone(f *testing.F) {
	fuzz(f, domain.Phone, `"(818) 212-4567"`, `"0033176360695"`, `8182124567`, `"1-800-FLOWERS"`, `"tel:+1;ext=2"`)
}

func FuzzEmail(f *testing.F) { fuzz(f, domain.Email, `"Ann@Example.com"`, `"a\u200d@b.c"`) }
