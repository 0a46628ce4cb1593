package sandboxkit

import (
	"reflect"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

func TestPeopleAreDeterministicAndDistinct(t *testing.T) {
	const n = 5000
	people := People(7, n)
	if !reflect.DeepEqual(people, People(7, n)) {
		t.Fatal("the same seed gave other people")
	}
	phones, emails, twins := map[string]int{}, map[string]int{}, 0
	for i, p := range people {
		if p.Aloware != nil {
			twins++
			claim(t, phones, p.Aloware["phone_number"], i)
			claim(t, emails, p.Aloware["email"], i)
			if !sameKey(t, p) {
				t.Fatalf("person %d cannot be found from the other side", i)
			}
		}
		claim(t, phones, e164(t, p.HubSpot["phone"]), i)
		claim(t, emails, p.HubSpot["email"], i)
	}
	if share := float64(twins) / n; share < 0.80 || share > 0.84 {
		t.Fatalf("share of twins %.3f, want about 0.82", share)
	}
}

func claim(t *testing.T, taken map[string]int, key string, i int) {
	t.Helper()
	if key == "" {
		return
	}
	if other, ok := taken[key]; ok && other != i {
		t.Fatalf("people %d and %d share a key", other, i)
	}
	taken[key] = i
}

func sameKey(t *testing.T, p Person) bool {
	return p.HubSpot["email"] != "" && p.HubSpot["email"] == p.Aloware["email"] ||
		p.HubSpot["phone"] != "" && e164(t, p.HubSpot["phone"]) == p.Aloware["phone_number"]
}

func e164(t *testing.T, s string) string {
	t.Helper()
	if s == "" {
		return ""
	}
	n, err := phonenumbers.Parse(s, "US")
	if err != nil || !phonenumbers.IsValidNumber(n) {
		t.Fatalf("%s is not a valid number: %v", strings.Repeat("x", len(s)), err)
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}
