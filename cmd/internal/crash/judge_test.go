package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/domain"
)

// world is what both sandboxes hold, and a judge before it.
type world struct {
	t *testing.T
	*campaign
	held map[domain.System][]person
	said map[domain.System]words
	log  log
	now  time.Time
}

// newWorld has Ada in both systems, written as each writes her.
func newWorld(t *testing.T) *world {
	ada := map[string]string{
		"phone": "(415) 555-0100", "email": "Ada@People.example", "firstname": "Ada", "city": "Oakland",
	}
	twin := map[string]string{
		"phone_number": "+14155550100", "email": "ada@people.example", "first_name": "Ada", "cnam_city": "Oakland",
	}
	f := &front{acked: evidence{map[fact]int{}, map[string]bool{}}}
	w := &world{
		t: t, campaign: &campaign{Options: Defaults(), front: f},
		held: map[domain.System][]person{domain.HubSpot: {{"1", ada}}, domain.Aloware: {{"9", twin}}},
		said: map[domain.System]words{
			domain.HubSpot: {}, domain.Aloware: {},
		},
		log: log{told: map[fact]int{}, records: map[string]bool{}, shown: map[string][]sight{}, agreed: map[string][]verdict{}},
	}
	w.says(domain.HubSpot, ada, nil)
	w.says(domain.Aloware, twin, nil)
	return w
}

// says has somebody write into Ada's record, who sees what is shown.
func (w *world) says(system domain.System, properties, shown map[string]string) {
	w.now = w.now.Add(time.Second)
	w.said[system].say(w.held[system][0].ID, maps.Clone(properties), w.now, shown)
}

// sees has the log tell what Ada's record shows; with agreed, Duolog has decided on it.
func (w *world) sees(system domain.System, properties map[string]string, agreed bool) {
	stream := domain.Record{System: system, ID: w.held[system][0].ID}.Stream()
	position := int64(len(w.log.shown[stream]) + 1)
	w.log.shown[stream] = append(w.log.shown[stream], sight{position, properties})
	w.now = w.now.Add(time.Second)
	if agreed {
		w.log.agreed[stream+" city"] = append(w.log.agreed[stream+" city"], verdict{position, w.now})
	}
}

// hold puts a city into both records.
func (w *world) hold(city string) *world {
	w.held[domain.HubSpot][0].Properties["city"], w.held[domain.Aloware][0].Properties["cnam_city"] = city, city
	return w
}

// with adds a copy of a system's first person under another id, changed.
func (w *world) with(system domain.System, id string, change map[string]string) *world {
	values := maps.Clone(w.held[system][0].Properties)
	maps.Copy(values, change)
	w.held[system] = append(w.held[system], person{id, values})
	return w
}

// found judges and returns what was found, one a line.
func (w *world) found(never ...string) string {
	w.t.Helper()
	p, err := newPairs(w.held)
	if err != nil {
		w.t.Fatal(err)
	}
	w.facts(w.log)
	w.duplicates(p)
	w.agreement(p)
	w.freshness(p, w.said, w.log)
	w.missing(p, never, w.log)
	return strings.Join(w.result.Violations, "\n")
}

func (w *world) wants(got, want string) {
	w.t.Helper()
	if want == "" && got != "" || !strings.Contains(got, want) {
		w.t.Errorf("found %q, want %q", got, want)
	}
}

func TestJudgeAgreement(t *testing.T) {
	w := newWorld(t)
	w.wants(w.found(), "")
	if w.result.Pairs != 1 || w.result.FieldsCompared == 0 {
		t.Errorf("nothing was compared: %+v", w.result)
	}
	w = newWorld(t)
	w.held[domain.Aloware][0].Properties["cnam_city"] = "Berkeley"
	w.wants(w.found(), "city differs between aloware:9 and hubspot:1")
	w = newWorld(t)
	delete(w.held[domain.HubSpot][0].Properties, "firstname")
	w.wants(w.found(), "first_name differs")
}

// TestJudgeFreshness: what both hold must be what somebody wrote last, on either side, by whatever name.
func TestJudgeFreshness(t *testing.T) {
	city := func(name string) map[string]string { return map[string]string{"city": name} }
	w := newWorld(t)
	w.says(domain.Aloware, city("Berkeley"), nil)
	w.wants(w.found(), "") // HubSpot's Oakland won, or was written later
	w.says(domain.HubSpot, city("Alameda"), nil)
	w.wants(w.found(), "city of aloware:9 and hubspot:1 holds a value nobody wrote last")
	w = newWorld(t)
	w.said[domain.HubSpot] = words{}
	w.wants(w.found(), "") // a record Duolog made
	w.says(domain.Aloware, city("Berkeley"), nil)
	w.wants(w.found(), "city of aloware:9")
}

// TestJudgeOverruled: what somebody saw come from the other side and wrote over does not come back.
func TestJudgeOverruled(t *testing.T) {
	city := func(name string) map[string]string { return map[string]string{"city": name} }
	seen := map[domain.System]func(string) map[string]string{
		domain.HubSpot: city,
		domain.Aloware: func(name string) map[string]string { return map[string]string{"cnam_city": name} },
	}
	for system, other := range map[domain.System]domain.System{
		domain.HubSpot: domain.Aloware, domain.Aloware: domain.HubSpot,
	} {
		story := func(shown string, known bool, before ...func(*world)) *world {
			w := newWorld(t)
			for _, do := range before {
				do(w)
			}
			w.says(system, city("Berkeley"), nil)
			w.sees(other, seen[other]("Berkeley"), known)
			w.says(other, city("Alameda"), seen[other](shown))
			w.sees(other, seen[other]("Berkeley"), true) // whoever put it there again
			return w
		}
		const back = "city of aloware:9 and hubspot:1 holds a value that somebody saw and wrote over"
		w := story("Berkeley", true).hold("Berkeley")
		w.wants(w.found(), back)
		w = story("Berkeley", true).hold("Berkeley")
		w.log.lost = map[string]bool{"hubspot/contact/1 city": true} // a decision says that one was
		w.wants(w.found(), "")
		w = story("Berkeley", true).hold("Alameda")
		w.wants(w.found(), "")
		if w.result.Overruled != 1 {
			t.Errorf("%d overruled, want 1", w.result.Overruled)
		}
		w = story("Oakland", true).hold("Berkeley") // at about the same time
		w.wants(w.found(), "")
		w = story("Berkeley", false).hold("Berkeley") // Duolog had not decided on it yet
		w.wants(w.found(), "")
		// What was shown may be another word of the same sound.
		for _, of := range []domain.System{system, other} {
			w = story("Berkeley", true, func(w *world) { w.says(of, city("Berkeley"), nil) }).hold("Berkeley")
			w.wants(w.found(), "")
		}
	}
}

func TestJudgeDuplicates(t *testing.T) {
	w := newWorld(t).with(domain.HubSpot, "2", map[string]string{"phone": "415-555-0101"})
	w.wants(w.found(), "hubspot:1 and hubspot:2 have the same email")
	w = newWorld(t).with(domain.HubSpot, "2", map[string]string{"email": "", "phone": "", "mobilephone": "415 555 0100"})
	w.wants(w.found(), "hubspot:1 and hubspot:2 have the same number")
	w = newWorld(t).with(domain.Aloware, "10", map[string]string{"phone_number": "+14155550199"})
	w.wants(w.found(), "aloware:9 and aloware:10 have the same email")
}

func TestJudgeMissing(t *testing.T) {
	grace := map[string]string{"phone_number": "+14155550177", "phone": "+14155550177", "email": "grace@people.example"}
	w := newWorld(t).with(domain.HubSpot, "2", grace)
	w.wants(w.found(), "hubspot:2 has nobody in Aloware")

	const lost = "Contact-Created 10"
	w = newWorld(t).with(domain.Aloware, "10", grace)
	w.wants(w.found(lost), "")
	if w.result.Missing != 1 {
		t.Errorf("%d missing, want 1", w.result.Missing)
	}
	w = newWorld(t).with(domain.Aloware, "10", grace)
	w.wants(w.found(), "aloware:10 has nobody in HubSpot, and was not lost")
	w = newWorld(t).with(domain.Aloware, "10", grace)
	w.log.records["aloware/contact/10"] = true
	w.wants(w.found(lost), "aloware:10 has nobody in HubSpot, and was not lost")
	w = newWorld(t)
	w.wants(w.found("Contact-Created 9"), "aloware:9 was never told")
}

func TestJudgeFacts(t *testing.T) {
	const item = `{"eventId":7,"subscriptionType":"contact.propertyChange","objectId":1,"occurredAt":5,` +
		`"propertyName":"city","propertyValue":"Oakland"}`
	said := fact{"hubspot/contact/1", "contact.propertyChange", 5000, `{"city":"Oakland"}`}
	w := newWorld(t)
	w.front.acked.delivered(true, []byte("["+item+","+item+"]"))
	w.front.acked.delivered(true, []byte("["+item+"]")) // again
	w.log.told[said] = 1
	w.wants(w.found(), "")
	w = newWorld(t)
	w.front.acked.delivered(true, []byte("["+item+"]"))
	w.wants(w.found(), "1 of 1 acknowledged contact.propertyChange of hubspot/contact/1 are not in the log")
	w = newWorld(t)
	w.front.acked.delivered(true, []byte("["+item+"]"))
	w.log.told[said] = 2
	w.wants(w.found(), "is 2 times in the log, told 1 times")

	w = newWorld(t) // Aloware tells no ids: each delivery counts
	body := []byte(`{"event":"Contact-Updated","body":{"id":9,"email":"ada@people.example"}}`)
	w.front.acked.delivered(false, body)
	w.front.acked.delivered(false, body)
	w.log.told[fact{"aloware/contact/9", "Contact-Updated", 0, `{"email":"ada@people.example","id":9}`}] = 1
	w.wants(w.found(), "1 of 2 acknowledged Contact-Updated of aloware/contact/9")
}
