"""Deploying: what the workflows do, so that it can be tested without them.

A release is whole or not at all: what is released is proved by predictions through the load balancer, and what ran
before runs again where that fails.
"""
