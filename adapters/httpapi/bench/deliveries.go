package bench

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Portal is whose webhooks Batch makes.
const Portal = 62515

// item is one event of a HubSpot webhook.
type item struct {
	EventID          int64  `json:"eventId"`
	SubscriptionID   int64  `json:"subscriptionId"`
	PortalID         int64  `json:"portalId"`
	AppID            int64  `json:"appId"`
	OccurredAt       int64  `json:"occurredAt"` // ms UTC
	SubscriptionType string `json:"subscriptionType"`
	AttemptNumber    int    `json:"attemptNumber"`
	ObjectID         int64  `json:"objectId"`
	PropertyName     string `json:"propertyName"`
	PropertyValue    string `json:"propertyValue"`
	ChangeSource     string `json:"changeSource"`
}

// Batch is the body of the n-th webhook of size events: property changes of contacts, none equal to another's.
func Batch(n, size int, at time.Time) []byte {
	items := make([]item, size)
	for i := range items {
		id := int64(n*size + i + 1)
		items[i] = item{
			EventID: id, SubscriptionID: 7, PortalID: Portal, AppID: 9, OccurredAt: at.UnixMilli(),
			SubscriptionType: "contact.propertyChange", ObjectID: id % 5000, PropertyName: "city",
			PropertyValue: fmt.Sprintf("Springfield %d", id), ChangeSource: "CRM_UI",
		}
	}
	body, _ := json.Marshal(items) // plain values always marshal
	return body
}

// Sign returns the headers of a webhook as HubSpot signs it, version 3.
func Sign(secret, method, url string, body []byte, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	for _, part := range [][]byte{[]byte(method), []byte(url), body, []byte(stamp)} {
		mac.Write(part)
	}
	return http.Header{
		"Content-Type":                {"application/json"},
		"X-Hubspot-Signature-V3":      {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		"X-Hubspot-Request-Timestamp": {stamp},
	}
}
