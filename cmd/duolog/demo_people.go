package main

import (
	"fmt"
	"os"
	"strings"
)

// five makes five people to whom something happens on purpose, so that there is something to look up.
func (d *demo) five() error {
	h, a := d.boxes.hubspot, d.boxes.aloware
	jane, err := h.Create(map[string]string{
		"firstname": "Jane", "lastname": "Cooper", "email": "jane.cooper@example.com", "phone": "(415) 555-0132",
		"city": "Oakland", "company": "Cooper & Daughters", "hubspot_owner_id": "73", "lifecyclestage": "opportunity",
	}, "Dana Reyes")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if _, err := h.AddDeal(map[string]string{
		"dealname": "Cooper & Daughters, spring order", "amount": "12500.00", "pipeline": "default", "dealstage": "contractsent",
		"hubspot_owner_id": "73",
	}, jane); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	for i, name := range []string{"Esther", "Jenny"} { // a front desk number two people share
		if _, err := h.Create(map[string]string{
			"firstname": name, "lastname": "Howard", "email": fmt.Sprintf("%s.howard@example.com", name),
			"phone": "+14155550177", "company": "Howard Dental " + fmt.Sprint(i+1),
		}, "Dana Reyes"); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	if _, err := a.Create(map[string]any{ // typed into Aloware: not made in HubSpot under these settings
		"first_name": "Wade", "last_name": "Warren", "phone_number": "+16285550144", "email": "wade.warren@example.com",
	}, "ui"); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if _, err := h.Create(map[string]string{ // nobody can call her
		"firstname": "Leslie", "lastname": "Alexander", "email": "leslie.alexander@example.com",
	}, "Dana Reyes"); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	d.jane = jane
	return nil
}

// later changes Jane once she stands on both sides: a new phone in HubSpot, which Aloware's API cannot take, and her
// city in both systems at once.
func (d *demo) later() error {
	for _, c := range d.boxes.aloware.All() {
		if c.Properties["email"] != "jane.cooper@example.com" {
			continue
		}
		if err := d.boxes.aloware.Edit(c.ID, map[string]any{"city": "San Jose"}); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	for _, props := range []map[string]string{{"city": "San José"}, {"phone": "(415) 555-0199"}} {
		if err := d.boxes.hubspot.Edit(d.jane, props, "Dana Reyes"); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return nil
}

// hints tell where to look.
func (d *demo) hints() {
	d.say("  Something happened on purpose to five people.  In another terminal:\n\n")
	if strings.Contains(os.Args[0], "go-build") {
		d.say("    go build -o duolog ./cmd/duolog\n")
	}
	d.say("    export DUOLOG_DATA=%s\n", d.dir)
	line := func(command, what string) {
		d.say("    %-49s %s\n", strings.Replace(command, "duolog", called(), 1), what)
	}
	line("duolog contact history jane.cooper@example.com", "edited on both sides at once; a phone held")
	line("duolog contact card jane.cooper@example.com", "owner, deal, links: what a caller's screen shows")
	line("duolog contact show wade.warren@example.com", "typed into Aloware, not made in HubSpot")
	line("duolog contact list --status excluded", "who cannot or should not take part, and why")
	line("duolog contact list --status apart", "what differs because a decision says so")
	line("duolog events --after 3360 --limit 30", "the log itself")
	line("duolog verify", "is the record whole and unaltered?")
	d.say("\n")
}
