package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"
)

func main() {
	secret, err := os.ReadFile("token.secret")
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now().Unix()
	claims, _ := json.Marshal(map[string]any{
		"sub": "ada", "iat": now, "exp": now + 3600,
		"channels": map[string]any{"orders": []string{"subscribe", "history"}},
	})
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	mac := hmac.New(sha256.New, bytes.TrimRight(secret, "\r\n"))
	mac.Write([]byte(signed))
	fmt.Println(signed + "." + encode(mac.Sum(nil)))
}
