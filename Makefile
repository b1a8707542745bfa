# 杏林 Xinglin. `make help` lists the targets; docs/runtime.md tells what they start and where they write.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types pytest bench up down status reset lock

# a relative path means: from this folder
export XINGLIN_STATE ?= $(CURDIR)/.xinglin
PYTHON_IN := .venv/bin/python
XINGLIN := $(PYTHON_IN) -m governance.cli

help: ## 列出命令 · list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'
	@echo "  示例 e.g.: make demo PATIENTS=20000 · make demo SOURCE=/data/deliveries · make reset YES=1"

setup: ## 安装到 .venv · make .venv from the lock file (instant when it is current)
	@scripts/setup.sh

demo: setup ## 完整演示 · the whole lifecycle on a sample hospital: PATIENTS=2000 SOURCE=folder
	@$(XINGLIN) demo $(if $(PATIENTS),--patients $(PATIENTS)) $(if $(SOURCE),--source "$(SOURCE)")

up: setup ## 启动并保持运行 · start the warehouse and Airflow and leave them running
	@$(XINGLIN) up

down: setup ## 停止全部 · stop everything
	@$(XINGLIN) down

status: setup ## 查看状态 · what runs, and where
	@$(XINGLIN) status || true

reset: setup ## 清空本地状态 · remove all local state, keys included (asks first; YES=1 does not)
	@$(XINGLIN) reset $(if $(YES),--yes)

test: setup ## 全部检查 · lint, types, then unit, dbt, DAG, integration and end-to-end tests
	@failed=0; \
	$(MAKE) --no-print-directory lint || failed=1; \
	$(MAKE) --no-print-directory types || failed=1; \
	$(MAKE) --no-print-directory pytest || failed=1; \
	exit $$failed

lint: setup ## 代码检查（只查不改） · check the code, change nothing
	@echo "== ruff"; $(PYTHON_IN) -m ruff check .

types: setup ## 类型检查 · strict types
	@echo "== mypy"; $(PYTHON_IN) -m mypy

pytest: setup ## 测试 · all tests, a process a core and one more, as some wait: ARGS="-k name" runs some in one process
	@echo "== pytest"; $(PYTHON_IN) -m pytest $(or $(ARGS),--numprocesses=$$(($$(nproc) + 1)) --dist=loadfile --no-loadscope-reorder)

bench: setup ## 性能测量 · measure, write a table and a JSON file
	@.venv/bin/uv pip install -q --no-deps --target .venv/bench-peers -r tests/bench/peers.txt \
		|| echo "tests/bench/peers.txt could not be installed: its packages are not compared"
	@PYTHONPATH=.venv/bench-peers $(PYTHON_IN) -m tests.bench --set-up $(if $(ROWS),--rows $(ROWS)) $(if $(SIZES),--sizes $(SIZES))

lock: setup ## 重新锁定依赖 · resolve requirements.in anew into requirements.lock (needs the network)
	@.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes -o requirements.lock requirements.in
