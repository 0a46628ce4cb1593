package hubspot

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

func all(t *testing.T, c *Client, which domain.Catalog) ([]adapters.CatalogItem, error) {
	t.Helper()
	var items []adapters.CatalogItem
	err := c.Catalog(t.Context(), which, func(p adapters.CatalogPage) error {
		items = append(items, p.Items...)
		return nil
	})
	return items, err
}

// TestOutcomesWithoutVersion1: when HubSpot has switched the old list off, the property's options are taken.
func TestOutcomesWithoutVersion1(t *testing.T) {
	c, _ := scripted(t, Config{}, func(w http.ResponseWriter, path string, _ []byte) {
		if strings.HasPrefix(path, "/calling/") {
			answer(w, http.StatusNotFound, `<html>gone</html>`)
			return
		}
		answer(w, http.StatusOK, `{"name":"hs_call_disposition","options":[{"label":"Busy","value":"b1","displayOrder":3}]}`)
	})
	items, err := all(t, c, domain.CallOutcomes)
	if err != nil || len(items) != 1 || items[0].ID != "b1" || items[0].Entry.Label != "Busy" {
		t.Errorf("%+v, %v", items, err)
	}
}

// TestNoActivityTypes: a portal in which nobody made types has none; a status that cannot be read is a failure.
func TestNoActivityTypes(t *testing.T) {
	c, _ := scripted(t, Config{}, func(w http.ResponseWriter, _ string, _ []byte) {
		answer(w, http.StatusNotFound, `{"status":"error","category":"OBJECT_NOT_FOUND"}`)
	})
	if items, err := all(t, c, domain.CallTypes); err != nil || len(items) != 0 {
		t.Errorf("types: %v, %v", items, err)
	}
	if _, err := all(t, c, domain.LeadStatuses); err == nil {
		t.Error("a portal without lead statuses is no failure")
	}
}

// TestManyContactsOfADeal: the contacts of one deal are read to the end of their pages.
func TestManyContactsOfADeal(t *testing.T) {
	c, s := scripted(t, Config{}, func(w http.ResponseWriter, path string, body []byte) {
		switch {
		case strings.HasSuffix(path, "/deals"):
			answer(w, http.StatusOK, `{"results":[{"id":"9","properties":{"dealname":"Big"}},{"id":"10","properties":{}}]}`)
		case strings.Contains(string(body), `"after":"p2"`):
			answer(w, http.StatusOK, `{"results":[{"from":{"id":"9"},"to":[{"toObjectId":3}]}]}`)
		default:
			answer(w, http.StatusMultiStatus, `{"results":[{"from":{"id":"9"},"to":[{"toObjectId":1},{"toObjectId":2}],
				"paging":{"next":{"after":"p2"}}}],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"fromObjectId":["10"]}}]}`)
		}
	})
	items, err := all(t, c, domain.Deals)
	if err != nil || len(items) != 2 || len(items[0].Contacts) != 3 || len(items[1].Contacts) != 0 {
		t.Fatalf("%+v, %v", items, err)
	}
	if n := s.count("/batch/read"); n != 2 {
		t.Errorf("%d requests for associations, want 2", n)
	}
}

// TestNonsenseIsNoCatalog: what is no list, a list that never ends and a row for a deal nobody asked for are failures:
// taken for a catalog they would make entries disappear.
func TestNonsenseIsNoCatalog(t *testing.T) {
	for name, page := range map[string]string{
		"no JSON": `<html>`, "the same page for ever": `{"results":[],"paging":{"next":{"after":"1"}}}`,
		"a stranger": `{"results":[{"from":{"id":"77"},"to":[]}]}`, "a deal without an id": `{"results":[{"properties":{}}]}`,
	} {
		c, _ := scripted(t, Config{}, func(w http.ResponseWriter, path string, _ []byte) {
			if name == "a stranger" && strings.HasSuffix(path, "/deals") {
				answer(w, http.StatusOK, `{"results":[{"id":"9"}]}`)
				return
			}
			answer(w, http.StatusOK, page)
		})
		items, err := all(t, c, domain.Deals)
		var e *adapters.Error
		if !errors.As(err, &e) || e.Class != adapters.Retry {
			t.Errorf("%s: %s, %v", name, fmt.Sprint(items), err)
		}
	}
}

// TestScopeIsNamed: a catalog the app may not read says which scope is missing.
func TestScopeIsNamed(t *testing.T) {
	c, _ := scripted(t, Config{}, func(w http.ResponseWriter, _ string, _ []byte) {
		answer(w, http.StatusForbidden, `{"status":"error","category":"MISSING_SCOPES"}`)
	})
	_, err := all(t, c, domain.Owners)
	var e *adapters.Error
	if !errors.As(err, &e) || e.Class != adapters.Unauthorized || !strings.Contains(e.Detail, "crm.objects.owners.read") {
		t.Errorf("no scope: %v", err)
	}
}
