package main

import (
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/history/explain"
)

const explained = `phone_number differs between the two systems, and Aloware cannot take it.

  Aloware    +14155550132        since Nov 3, 2026, 9:14 AM, by Duolog                       #61,211
  HubSpot    +14155550199        since Nov 19, 2026, 4:40 PM, by user 7 in HubSpot          #334,410
             both read live just now: as above

  Why Aloware does not have HubSpot's value
    heard      Nov 19, 2026, 4:40:00 PM webhook contact.propertyChange, authenticated       #334,410
    allowed    updates are both ways, phone_number is both ways (settings v7): yes
    decided    not sent: it is impossible there: Aloware finds a contact by its phone;      #334,411
               its API would make a second one (settings v7)
    sent       nothing

  What to do
    change it in Aloware by hand, then     duolog contact resync hubspot:512
    or wait
`

func TestExplainReadsAsAnAnswer(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	made, changed := time.Date(2026, 11, 3, 17, 14, 0, 0, time.UTC), time.Date(2026, 11, 20, 0, 40, 0, 0, time.UTC)
	c, out, _ := quiet()
	c.showExplained(explain.Answer{
		Says: "phone_number differs between the two systems, and Aloware cannot take it.",
		Sides: []explain.Side{
			{System: domain.Aloware, Record: "90417", Told: true, Value: raw("+14155550132"), Since: made, By: "duolog", Position: 61211, Live: &explain.Live{}},
			{System: domain.HubSpot, Record: "512", Told: true, Value: raw("+14155550199"), Since: changed, By: "CRM_UI userId:7", Position: 334410, Live: &explain.Live{}},
		},
		About: "Why Aloware does not have HubSpot's value",
		Because: []explain.Reason{
			{Step: "heard", Says: "webhook contact.propertyChange, authenticated", At: changed, Position: 334410},
			{Step: "allowed", Says: "updates are both ways, phone_number is both ways (settings v7): yes"},
			{Step: "decided", Says: "not sent: it is impossible there: Aloware finds a contact by its phone; its API would make a second one (settings v7)", Position: 334411},
			{Step: "sent", Says: "nothing"},
		},
		Do: []explain.Advice{{Says: "change it in Aloware by hand, then", Command: "duolog contact resync hubspot:512"}, {Says: "wait"}},
	}, zone)
	if out.String() != explained {
		t.Errorf("got\n%s\nwant\n%s", out, explained)
	}
	for line := range strings.Lines(out.String()) {
		if runewidth.StringWidth(strings.TrimSpace(line)) > lineWidth {
			t.Errorf("wider than %d: %s", lineWidth, line)
		}
	}
}
