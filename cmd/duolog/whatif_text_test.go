package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

// forecast has a bit of everything.
func forecast() replay.Forecast {
	f := replay.Forecast{
		From: 61_000, To: 348_730, Inputs: 41_207, Contacts: 9_120,
		Created: map[domain.System]replay.Change{domain.HubSpot: {Was: 41, Would: 1253}, domain.Aloware: {Was: 300, Would: 298}},
		Updated: map[domain.System]replay.Change{domain.HubSpot: {Was: 880, Would: 880}, domain.Aloware: {Was: 1200, Would: 1201}},
		Fields:  map[string]map[domain.System]replay.Change{"city": {domain.Aloware: {Was: 10, Would: 11}, domain.HubSpot: {Was: 4, Would: 4}}},
		Held:    replay.Change{Was: 12, Would: 11}, Twins: replay.Change{Was: 1, Would: 38}, Prevented: replay.Change{Was: 7, Would: 2},
		Ends: 1_214, Begin: 1_215, Later: 96, Guards: 2, Unknown: map[string]int64{"csf1": 40},
		ByRule: map[string]int64{"contacts.create = both": 1_212, "": 3}, BySource: map[string]int64{"inbound_call": 1_000, "csv": 215},
		MadeBySource: map[domain.System]map[string]int64{domain.HubSpot: {"inbound_call": 1_000, "csv": 212}},
	}
	for i := range 6 {
		f.First = append(f.First, replay.Divergence{
			Input: 61_207 + int64(i), At: 1_793_000_000_000_000 + int64(i)*3_600_000_000, Contact: ulid.ULID{15: byte(i + 1)},
			Record: domain.Record{System: domain.Aloware, ID: "90417"}, Would: "create in HubSpot: email, firstname, phone",
		})
	}
	f.First[1].Record, f.First[1].Field, f.First[1].Was, f.First[1].Would = domain.Record{}, "city", "lost a conflict", ""
	f.First[2].Was, f.First[2].Would = "update in Aloware: phone_number", "update in Aloware: phone_number, another value of phone_number"
	return f
}

// TestWhatIfText: a what-if and the preview of a change are told as in the golden file, in lines that fit.
func TestWhatIfText(t *testing.T) {
	s, err := settings.Preset(settings.PresetRecommended)
	if err != nil {
		t.Fatal(err)
	}
	s.TimeZone = "America/Los_Angeles"
	c, out, _ := quiet()
	say := func(of replay.Forecast) whatifText {
		return whatifText{cli: c, Forecast: of, now: app.SettingsVersion{Settings: s, Version: 6}, other: s, lrn: httpapi.LRNOf(of, s)}
	}
	all := say(forecast())
	c.printf("%s\n", fitted("  "+all.short(), "  ", false))
	all.numbers()
	all.rules()
	all.firsts()
	all.doubts()
	values := replay.Forecast{Inputs: 3, Begin: 2, Ends: 2}
	c.printf("\n%s\n", say(values).short())

	since := time.Date(2026, 10, 31, 9, 0, 0, 0, s.Env().Zone)
	looked := periodLooked{Since: since, Until: since.Add(100 * time.Hour)}
	cut := forecast()
	cut.Cut = true
	for _, of := range []replay.Forecast{forecast(), cut, {Inputs: 5}, {}, {Cut: true}} {
		c.printf("\n")
		for _, line := range previewText(say(of), looked, previewWait) {
			c.printf("%s\n", fitted(line, "    ", false))
		}
	}
	for line := range strings.Lines(out.String()) {
		if runewidth.StringWidth(strings.TrimSuffix(line, "\n")) > lineWidth {
			t.Errorf("wider than %d: %s", lineWidth, line)
		}
	}
	path := filepath.Join("testdata", "whatif.golden")
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s\n(go test ./cmd/duolog -run WhatIfText -update)", got, want)
	}
}
